// BLOOM: BigScience 2022, "BLOOM: A 176B-Parameter Open-Access Multilingual Language Model", as transformers
// 4.27 computes it: a decoder with a layer norm after the embeddings, before each block and after the last,
// ALiBi (Press et al. 2022) instead of positions, GELU in its tanh form. Query, key and value of a head stand
// together in one matrix. `attention_softmax_in_fp32`, `bias_dropout_fusion`, `masked_softmax_fusion`,
// `n_inner`, `offset_alibi`, `seq_length`, `skip_bias_add` and `unk_token_id` are ignored there too.

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
                                         RequiredOption{"apply_residual_connection_post_layernorm", "false"}};

/// With both, the reference sums slices of a product, whose rounding differs from that of one product.
Result<void> check_slices(const Json& config) {
  EPICRISIS_ASSIGN_OR_RETURN(const int slices, json_value(config, "pretraining_tp", 1, kWhat));
  if (slices > 1) return require_config(config, "slow_but_exact", false);
  return {};
}

Result<Architecture> read_architecture(const Json& given) {
  const Json config = with_aliases(
      given,
      {{"n_embed", "hidden_size"}, {"num_attention_heads", "n_head"}, {"num_hidden_layers", "n_layer"}});
  EPICRISIS_RETURN_IF_ERROR(check_slices(config));
  Architecture a;
  a.family = "bloom";
  a.topology = Topology::kDecoderOnly;
  EPICRISIS_ASSIGN_OR_RETURN(a.vocab_size, config_size(config, "vocab_size", 250880, kMaxVocab));
  EPICRISIS_ASSIGN_OR_RETURN(a.d_model, config_size(config, "hidden_size", 64, kMaxWidth / 4));
  EPICRISIS_ASSIGN_OR_RETURN(a.decoder.layers, config_size(config, "n_layer", 2, kMaxLayers));
  EPICRISIS_ASSIGN_OR_RETURN(a.decoder.heads, config_size(config, "n_head", 8));
  EPICRISIS_RETURN_IF_ERROR(require_multiple("hidden_size", a.d_model, "n_head", a.decoder.heads));
  a.decoder.ffn_dim = 4 * a.d_model;
  a.head_dim = a.d_model / a.decoder.heads;
  EPICRISIS_ASSIGN_OR_RETURN(a.norm_epsilon, config_epsilon(config, "layer_norm_epsilon", 1e-5F));
  a.embedding_norm = true;
  a.positions = PositionEncoding::kAlibi;
  a.activation = Activation::kGeluTanh;
  a.attention_scale = 1.0F / std::sqrt(static_cast<float>(a.head_dim));
  EPICRISIS_ASSIGN_OR_RETURN(a.tied_output, json_value(config, "tie_word_embeddings", true, kWhat));
  EPICRISIS_RETURN_IF_ERROR(read_decoder_only_tokens(config, 1, 2, a));
  EPICRISIS_ASSIGN_OR_RETURN(a.dropout, config_probability(config, "hidden_dropout", 0.0F));
  EPICRISIS_ASSIGN_OR_RETURN(a.attention_dropout, config_probability(config, "attention_dropout", 0.0F));
  a.embedding_dropout = 0.0F;
  a.padding_row_fixed = false;
  EPICRISIS_ASSIGN_OR_RETURN(a.init_std, json_value(config, "initializer_range", 0.02F, kWhat));
  return a;
}

/// Rows h * 3 * Dh + part * Dh + [0, Dh) for every head h: the file's matrix is [H, 3, Dh, D].
void add_fused_part(ParameterList& list, const std::string& canonical, const std::string& file, int part,
                    const Architecture& a) {
  const std::int64_t heads = a.decoder.heads;
  const auto add = [&](const char* const suffix, std::vector<std::int64_t> shape,
                       std::vector<std::int64_t> file_shape, std::int64_t elements_of_head) {
    Parameter& added = list.add(canonical + suffix, file + suffix, std::move(shape));
    added.file_shape = std::move(file_shape);
    added.part = FilePart{part * elements_of_head, heads, elements_of_head, 3 * elements_of_head, 1};
  };
  add(".weight", {a.d_model, a.d_model}, {3 * std::int64_t{a.d_model}, a.d_model},
      std::int64_t{a.head_dim} * a.d_model);
  add(".bias", {a.d_model}, {3 * std::int64_t{a.d_model}}, a.head_dim);
}

std::vector<Parameter> parameters(const Architecture& a) {
  ParameterList list;
  list.add_embedding(a, {"transformer.word_embeddings.weight"}, "lm_head.weight");
  list.add_norm("decoder.embedding_norm", "transformer.word_embeddings_layernorm", a.d_model, true);
  for (int i = 0; i < a.decoder.layers; ++i) {
    const std::string canonical = fmt::format("decoder.layers.{}.", i);
    const std::string file = fmt::format("transformer.h.{}.", i);
    list.add_norm(canonical + "self_attention_norm", file + "input_layernorm", a.d_model, true);
    int part = 0;
    for (const char* const name : {"query", "key", "value"}) {
      add_fused_part(list, canonical + "self_attention." + name, file + "self_attention.query_key_value",
                     part++, a);
    }
    list.add_linear(canonical + "self_attention.output", file + "self_attention.dense", a.d_model, a.d_model,
                    true);
    list.add_norm(canonical + "feed_forward_norm", file + "post_attention_layernorm", a.d_model, true);
    list.add_linear(canonical + "feed_forward.up", file + "mlp.dense_h_to_4h", a.decoder.ffn_dim, a.d_model,
                    true);
    list.add_linear(canonical + "feed_forward.down", file + "mlp.dense_4h_to_h", a.d_model, a.decoder.ffn_dim,
                    true);
  }
  list.add_norm("decoder.final_norm", "transformer.ln_f", a.d_model, true);
  return std::move(list).take();
}

/// Causal masks that files of the first releases carry.
bool is_ignored(std::string_view file_name) {
  return file_name.starts_with("transformer.h.") &&
         file_name.ends_with(".self_attention.scale_mask_softmax.causal_mask");
}

}  // namespace

extern const Family kBloom;
const Family kBloom = {"bloom", "transformer.", kRequiredOptions, read_architecture, parameters, is_ignored};

}  // namespace epicrisis::families
