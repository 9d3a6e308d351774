#include "checkpoint/families/bart_like.hpp"

#include <fmt/format.h>

#include <cmath>
#include <string>
#include <utility>

#include "checkpoint/families/config_reader.hpp"
#include "checkpoint/families/parameter_list.hpp"

namespace epicrisis::families {
namespace {

Result<StackShape> read_stack(const Json& config, std::string_view stack, int d_model) {
  StackShape shape;
  const auto key = [&](std::string_view name) { return fmt::format("{}_{}", stack, name); };
  EPICRISIS_ASSIGN_OR_RETURN(shape.layers, config_size(config, key("layers"), 12, kMaxLayers));
  EPICRISIS_ASSIGN_OR_RETURN(shape.heads, config_size(config, key("attention_heads"), 16));
  EPICRISIS_ASSIGN_OR_RETURN(shape.ffn_dim, config_size(config, key("ffn_dim"), 4096));
  EPICRISIS_RETURN_IF_ERROR(require_multiple("d_model", d_model, key("attention_heads"), shape.heads));
  return shape;
}

Result<void> read_tokens(const Json& config, const BartLikeDefaults& defaults, Architecture& a) {
  EPICRISIS_ASSIGN_OR_RETURN(a.pad_token_id,
                             config_token(config, "pad_token_id", defaults.pad_token_id, a.vocab_size));
  EPICRISIS_ASSIGN_OR_RETURN(a.eos_token_id,
                             config_token(config, "eos_token_id", defaults.eos_token_id, a.vocab_size));
  if (defaults.bos_token_id || config_has(config, "bos_token_id")) {
    EPICRISIS_ASSIGN_OR_RETURN(a.bos_token_id, config_token(config, "bos_token_id",
                                                            defaults.bos_token_id.value_or(0), a.vocab_size));
  }
  const TokenId start = defaults.decoder_start_token_id.value_or(a.bos_token_id.value_or(0));
  EPICRISIS_ASSIGN_OR_RETURN(a.decoder_start_token_id,
                             config_token(config, "decoder_start_token_id", start, a.vocab_size));
  return {};
}

void add_attention(ParameterList& list, const std::string& canonical, const std::string& file,
                   const Architecture& a) {
  const auto add = [&](std::string_view ours, std::string_view theirs) {
    list.add_linear(canonical + std::string(ours), file + std::string(theirs), a.d_model, a.d_model, true);
  };
  add(".query", ".q_proj");
  add(".key", ".k_proj");
  add(".value", ".v_proj");
  add(".output", ".out_proj");
}

void add_stack(ParameterList& list, const std::string& stack, const StackShape& shape,
               const Architecture& a) {
  const std::string file_stack = "model." + stack;
  const bool learned = a.positions == PositionEncoding::kLearned;
  list.add(stack + ".positions.weight", file_stack + ".embed_positions.weight",
           {std::int64_t{a.max_positions} + a.position_offset, a.d_model})
      .optional = !learned;
  if (a.embedding_norm) {
    list.add_norm(stack + ".embedding_norm", file_stack + ".layernorm_embedding", a.d_model, true);
  }
  for (int i = 0; i < shape.layers; ++i) {
    const std::string canonical = fmt::format("{}.layers.{}.", stack, i);
    const std::string file = fmt::format("{}.layers.{}.", file_stack, i);
    list.add_norm(canonical + "self_attention_norm", file + "self_attn_layer_norm", a.d_model, true);
    add_attention(list, canonical + "self_attention", file + "self_attn", a);
    if (stack == "decoder") {
      list.add_norm(canonical + "cross_attention_norm", file + "encoder_attn_layer_norm", a.d_model, true);
      add_attention(list, canonical + "cross_attention", file + "encoder_attn", a);
    }
    list.add_norm(canonical + "feed_forward_norm", file + "final_layer_norm", a.d_model, true);
    list.add_linear(canonical + "feed_forward.up", file + "fc1", shape.ffn_dim, a.d_model, true);
    list.add_linear(canonical + "feed_forward.down", file + "fc2", a.d_model, shape.ffn_dim, true);
  }
  if (a.final_norm) list.add_norm(stack + ".final_norm", file_stack + ".layer_norm", a.d_model, true);
}

}  // namespace

Result<Architecture> read_bart_like(const Json& given, std::string_view family,
                                    const BartLikeDefaults& defaults) {
  const Json config =
      with_aliases(given, {{"hidden_size", "d_model"}, {"num_attention_heads", "encoder_attention_heads"}});
  Architecture a;
  a.family = family;
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
  EPICRISIS_RETURN_IF_ERROR(read_tokens(config, defaults, a));
  EPICRISIS_ASSIGN_OR_RETURN(a.dropout, config_probability(config, "dropout", 0.1F));
  EPICRISIS_ASSIGN_OR_RETURN(a.attention_dropout, config_probability(config, "attention_dropout", 0.0F));
  EPICRISIS_ASSIGN_OR_RETURN(a.activation_dropout, config_probability(config, "activation_dropout", 0.0F));
  EPICRISIS_ASSIGN_OR_RETURN(a.init_std, json_value(config, "init_std", 0.02F, "config.json"));
  return a;
}

std::vector<Parameter> bart_like_parameters(const Architecture& a) {
  ParameterList list;
  list.add_embedding(
      a, {"model.shared.weight", "model.encoder.embed_tokens.weight", "model.decoder.embed_tokens.weight"},
      "lm_head.weight");
  Parameter& bias = list.add("output.bias", "final_logits_bias", {a.vocab_size});
  bias.file_shape = {1, a.vocab_size};
  bias.optional = true;  // a buffer of zeros until a file says otherwise
  add_stack(list, "encoder", a.encoder, a);
  add_stack(list, "decoder", a.decoder, a);
  return std::move(list).take();
}

bool is_ignored_by_bart_like(std::string_view file_name) {
  return file_name == "model.encoder.version" || file_name == "model.decoder.version" ||
         file_name.ends_with(".embed_positions._float_tensor");
}

}  // namespace epicrisis::families
