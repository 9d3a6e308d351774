// GPT-2: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners", as transformers 4.27
// computes it: a decoder with layer norm before each block and after the last, learned positions, GELU in its
// tanh form. Its matrices are stored [in, out], query, key and value side by side in one.
// `reorder_and_upcast_attn` only changes the rounding of float16, so both values are accepted.

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <string>
#include <utility>

#include "checkpoint/families/config_reader.hpp"
#include "checkpoint/families/family.hpp"
#include "checkpoint/families/parameter_list.hpp"

namespace epicrisis::families {
namespace {

constexpr std::string_view kWhat = "config.json";

constexpr std::array kRequiredOptions = {RequiredOption{"is_encoder_decoder", "false"},
                                         RequiredOption{"scale_attn_by_inverse_layer_idx", "false"}};

Result<Architecture> read_architecture(const Json& given) {
  const Json config = with_aliases(given, {{"hidden_size", "n_embd"},
                                           {"max_position_embeddings", "n_positions"},
                                           {"num_attention_heads", "n_head"},
                                           {"num_hidden_layers", "n_layer"}});
  Architecture a;
  a.family = "gpt2";
  a.topology = Topology::kDecoderOnly;
  EPICRISIS_ASSIGN_OR_RETURN(a.vocab_size, config_size(config, "vocab_size", 50257, kMaxVocab));
  EPICRISIS_ASSIGN_OR_RETURN(a.d_model, config_size(config, "n_embd", 768, kMaxWidth / 4));
  EPICRISIS_ASSIGN_OR_RETURN(a.decoder.layers, config_size(config, "n_layer", 12, kMaxLayers));
  EPICRISIS_ASSIGN_OR_RETURN(a.decoder.heads, config_size(config, "n_head", 12));
  EPICRISIS_RETURN_IF_ERROR(require_multiple("n_embd", a.d_model, "n_head", a.decoder.heads));
  EPICRISIS_ASSIGN_OR_RETURN(a.decoder.ffn_dim, config_size(config, "n_inner", 4 * a.d_model));
  a.head_dim = a.d_model / a.decoder.heads;
  EPICRISIS_ASSIGN_OR_RETURN(a.norm_epsilon, config_epsilon(config, "layer_norm_epsilon", 1e-5F));
  a.positions = PositionEncoding::kLearned;
  EPICRISIS_ASSIGN_OR_RETURN(a.max_positions, config_size(config, "n_positions", 1024));
  EPICRISIS_ASSIGN_OR_RETURN(a.activation, config_activation(config, "activation_function", "gelu_new"));
  EPICRISIS_ASSIGN_OR_RETURN(const bool scaled, json_value(config, "scale_attn_weights", true, kWhat));
  a.attention_scale = scaled ? 1.0F / std::sqrt(static_cast<float>(a.head_dim)) : 1.0F;
  EPICRISIS_ASSIGN_OR_RETURN(a.tied_output, json_value(config, "tie_word_embeddings", true, kWhat));
  EPICRISIS_RETURN_IF_ERROR(read_decoder_only_tokens(config, 50256, 50256, a));
  EPICRISIS_ASSIGN_OR_RETURN(a.dropout, config_probability(config, "resid_pdrop", 0.1F));
  EPICRISIS_ASSIGN_OR_RETURN(a.attention_dropout, config_probability(config, "attn_pdrop", 0.1F));
  EPICRISIS_ASSIGN_OR_RETURN(a.embedding_dropout, config_probability(config, "embd_pdrop", 0.1F));
  a.padding_row_fixed = false;
  EPICRISIS_ASSIGN_OR_RETURN(a.init_std, json_value(config, "initializer_range", 0.02F, kWhat));
  return a;
}

/// Columns [begin, begin + out) of a matrix [in, all_columns] and of its bias, as [out, in] and [out].
void add_columns(ParameterList& list, const std::string& canonical, const std::string& file, std::int64_t out,
                 std::int64_t in, std::int64_t begin, std::int64_t all_columns) {
  Parameter& weight = list.add(canonical + ".weight", file + ".weight", {out, in});
  weight.file_shape = {in, all_columns};
  weight.part = FilePart{begin, out, in, 1, all_columns};
  Parameter& bias = list.add(canonical + ".bias", file + ".bias", {out});
  if (out == all_columns) return;
  bias.file_shape = {all_columns};
  bias.part = FilePart{.offset = begin, .columns = out};
}

void add_transposed(ParameterList& list, const std::string& canonical, const std::string& file,
                    std::int64_t out, std::int64_t in) {
  add_columns(list, canonical, file, out, in, 0, out);
}

std::vector<Parameter> parameters(const Architecture& a) {
  ParameterList list;
  const std::int64_t width = a.d_model;
  list.add_embedding(a, {"transformer.wte.weight"}, "lm_head.weight");
  list.add("decoder.positions.weight", "transformer.wpe.weight", {a.max_positions, width});
  for (int i = 0; i < a.decoder.layers; ++i) {
    const std::string canonical = fmt::format("decoder.layers.{}.", i);
    const std::string file = fmt::format("transformer.h.{}.", i);
    list.add_norm(canonical + "self_attention_norm", file + "ln_1", width, true);
    std::int64_t begin = 0;
    for (const char* const part : {"query", "key", "value"}) {
      add_columns(list, canonical + "self_attention." + part, file + "attn.c_attn", width, width, begin,
                  3 * width);
      begin += width;
    }
    add_transposed(list, canonical + "self_attention.output", file + "attn.c_proj", width, width);
    list.add_norm(canonical + "feed_forward_norm", file + "ln_2", width, true);
    add_transposed(list, canonical + "feed_forward.up", file + "mlp.c_fc", a.decoder.ffn_dim, width);
    add_transposed(list, canonical + "feed_forward.down", file + "mlp.c_proj", width, a.decoder.ffn_dim);
  }
  list.add_norm("decoder.final_norm", "transformer.ln_f", width, true);
  return std::move(list).take();
}

/// Causal masks and the value that masks, which every release but the newest saves.
bool is_ignored(std::string_view file_name) {
  return file_name.starts_with("transformer.h.") &&
         (file_name.ends_with(".attn.bias") || file_name.ends_with(".attn.masked_bias"));
}

}  // namespace

extern const Family kGpt2;
const Family kGpt2 = {"gpt2", "transformer.", kRequiredOptions, read_architecture, parameters, is_ignored};

}  // namespace epicrisis::families
