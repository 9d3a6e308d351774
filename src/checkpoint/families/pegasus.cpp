// Pegasus: Zhang et al. 2020, "PEGASUS: Pre-training with Extracted Gap-sentences for Abstractive
// Summarization", as transformers 4.27 computes it: layer norm before each block and after each stack,
// sinusoidal positions (sine half, then cosine half), scaled and shared embeddings, a bias on the logits.
// Its code ignores `normalize_before`, `normalize_embedding`, `add_final_layer_norm`,
// `static_position_embeddings`, `extra_pos_embeddings` and `add_bias_logits`; so does this file.

#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "checkpoint/families/config_reader.hpp"
#include "checkpoint/families/family.hpp"

namespace epicrisis::families {
namespace {

Result<StackShape> read_stack(const Json& config, std::string_view stack, int d_model) {
  StackShape shape;
  const auto key = [&](std::string_view name) { return fmt::format("{}_{}", stack, name); };
  EPICRISIS_ASSIGN_OR_RETURN(shape.layers, config_size(config, key("layers"), 12, kMaxLayers));
  EPICRISIS_ASSIGN_OR_RETURN(shape.heads, config_size(config, key("attention_heads"), 16));
  EPICRISIS_ASSIGN_OR_RETURN(shape.ffn_dim, config_size(config, key("ffn_dim"), 4096));
  if (d_model % shape.heads != 0) {
    return Error{ErrorCode::kCorrupt,
                 fmt::format("config.json: 'd_model' must be a multiple of '{}'.", key("attention_heads")),
                 fmt::format("{} and {}", d_model, shape.heads)};
  }
  return shape;
}

/// Options of any transformers model that would change what is computed.
Result<void> check_options(const Json& config) {
  EPICRISIS_RETURN_IF_ERROR(require_config(config, "is_encoder_decoder", true));
  EPICRISIS_RETURN_IF_ERROR(require_config(config, "tie_encoder_decoder", false));
  return require_config(config, "pruned_heads", Json::object());
}

Result<Architecture> read_architecture(const Json& config) {
  EPICRISIS_RETURN_IF_ERROR(check_options(config));
  Architecture a;
  a.family = "pegasus";
  EPICRISIS_ASSIGN_OR_RETURN(a.vocab_size, config_size(config, "vocab_size", 50265, kMaxVocab));
  EPICRISIS_ASSIGN_OR_RETURN(a.d_model, config_size(config, "d_model", 1024));
  EPICRISIS_ASSIGN_OR_RETURN(a.encoder, read_stack(config, "encoder", a.d_model));
  EPICRISIS_ASSIGN_OR_RETURN(a.decoder, read_stack(config, "decoder", a.d_model));
  if (a.encoder.heads != a.decoder.heads) {
    return Error{ErrorCode::kUnsupported,
                 "config.json: 'encoder_attention_heads' and 'decoder_attention_heads' must be equal.",
                 fmt::format("{} and {}", a.encoder.heads, a.decoder.heads)};
  }
  a.head_dim = a.d_model / a.encoder.heads;
  EPICRISIS_ASSIGN_OR_RETURN(a.max_positions, config_size(config, "max_position_embeddings", 1024));
  EPICRISIS_ASSIGN_OR_RETURN(a.activation, config_activation(config, "activation_function", "gelu"));
  EPICRISIS_ASSIGN_OR_RETURN(const bool scaled, json_value(config, "scale_embedding", false, "config.json"));
  a.embedding_scale = scaled ? std::sqrt(static_cast<float>(a.d_model)) : 1.0F;
  a.attention_scale = 1.0F / std::sqrt(static_cast<float>(a.head_dim));
  EPICRISIS_ASSIGN_OR_RETURN(a.tied_output, json_value(config, "tie_word_embeddings", true, "config.json"));
  a.output_bias = true;
  EPICRISIS_ASSIGN_OR_RETURN(a.pad_token_id, config_token(config, "pad_token_id", 0, a.vocab_size));
  EPICRISIS_ASSIGN_OR_RETURN(a.eos_token_id, config_token(config, "eos_token_id", 1, a.vocab_size));
  EPICRISIS_ASSIGN_OR_RETURN(a.decoder_start_token_id,
                             config_token(config, "decoder_start_token_id", 0, a.vocab_size));
  EPICRISIS_ASSIGN_OR_RETURN(a.dropout, config_probability(config, "dropout", 0.1F));
  EPICRISIS_ASSIGN_OR_RETURN(a.attention_dropout, config_probability(config, "attention_dropout", 0.0F));
  EPICRISIS_ASSIGN_OR_RETURN(a.activation_dropout, config_probability(config, "activation_dropout", 0.0F));
  EPICRISIS_ASSIGN_OR_RETURN(a.init_std, json_value(config, "init_std", 0.02F, "config.json"));
  return a;
}

class ParameterList {
 public:
  void add(std::string canonical, std::string file_name, std::vector<std::int64_t> shape) {
    list_.push_back({std::move(canonical), shape, {std::move(file_name)}, shape, false});
  }
  /// A matrix [out, in] and its bias [out].
  void add_linear(const std::string& canonical, const std::string& file_name, std::int64_t out,
                  std::int64_t in) {
    add(canonical + ".weight", file_name + ".weight", {out, in});
    add(canonical + ".bias", file_name + ".bias", {out});
  }
  void add_norm(const std::string& canonical, const std::string& file_name, std::int64_t width) {
    add(canonical + ".weight", file_name + ".weight", {width});
    add(canonical + ".bias", file_name + ".bias", {width});
  }
  void add_attention(const std::string& canonical, const std::string& file_name, std::int64_t width) {
    add_linear(canonical + ".query", file_name + ".q_proj", width, width);
    add_linear(canonical + ".key", file_name + ".k_proj", width, width);
    add_linear(canonical + ".value", file_name + ".v_proj", width, width);
    add_linear(canonical + ".output", file_name + ".out_proj", width, width);
  }
  std::vector<Parameter>& list() { return list_; }

 private:
  std::vector<Parameter> list_;
};

void add_stack(ParameterList& list, const std::string& stack, const StackShape& shape,
               const Architecture& a) {
  const std::string file_stack = "model." + stack;
  for (int i = 0; i < shape.layers; ++i) {
    const std::string canonical = fmt::format("{}.layers.{}.", stack, i);
    const std::string file = fmt::format("{}.layers.{}.", file_stack, i);
    list.add_norm(canonical + "self_attention_norm", file + "self_attn_layer_norm", a.d_model);
    list.add_attention(canonical + "self_attention", file + "self_attn", a.d_model);
    if (stack == "decoder") {
      list.add_norm(canonical + "cross_attention_norm", file + "encoder_attn_layer_norm", a.d_model);
      list.add_attention(canonical + "cross_attention", file + "encoder_attn", a.d_model);
    }
    list.add_norm(canonical + "feed_forward_norm", file + "final_layer_norm", a.d_model);
    list.add_linear(canonical + "feed_forward.up", file + "fc1", shape.ffn_dim, a.d_model);
    list.add_linear(canonical + "feed_forward.down", file + "fc2", a.d_model, shape.ffn_dim);
  }
  list.add_norm(stack + ".final_norm", file_stack + ".layer_norm", a.d_model);
  list.add(stack + ".positions.weight", file_stack + ".embed_positions.weight", {a.max_positions, a.d_model});
  list.list().back().optional = true;
}

std::vector<Parameter> parameters(const Architecture& a) {
  ParameterList list;
  const std::vector<std::int64_t> embedding = {a.vocab_size, a.d_model};
  list.add("shared_embedding.weight", "model.shared.weight", embedding);
  std::vector<std::string>& tied = list.list().back().file_names;
  tied.insert(tied.end(), {"model.encoder.embed_tokens.weight", "model.decoder.embed_tokens.weight"});
  if (a.tied_output) {
    tied.emplace_back("lm_head.weight");
  } else {
    list.add("output.weight", "lm_head.weight", embedding);
  }
  list.add("output.bias", "final_logits_bias", {a.vocab_size});
  list.list().back().file_shape = {1, a.vocab_size};
  list.list().back().optional = true;  // a buffer of zeros until a file says otherwise
  add_stack(list, "encoder", a.encoder, a);
  add_stack(list, "decoder", a.decoder, a);
  return std::move(list.list());
}

bool is_ignored(std::string_view file_name) {
  return file_name == "model.encoder.version" || file_name == "model.decoder.version";
}

}  // namespace

extern const Family kPegasus;
const Family kPegasus = {"pegasus", "model.", read_architecture, parameters, is_ignored};

}  // namespace epicrisis::families
