#include "checkpoint/families/t5_like.hpp"

#include <fmt/format.h>

#include <cmath>
#include <string>
#include <utility>

#include "checkpoint/detail/printable.hpp"
#include "checkpoint/families/config_reader.hpp"
#include "checkpoint/families/parameter_list.hpp"

namespace epicrisis::families {
namespace {

constexpr std::string_view kWhat = "config.json";

struct FeedForward {
  std::string activation;
  bool gated = false;
};

/// "relu" or "gated-gelu", split as the reference does; "gated-gelu" means gelu_new.
Result<FeedForward> parse_feed_forward(const std::string& name) {
  constexpr std::string_view kGated = "gated-";
  FeedForward parsed{name, name.starts_with(kGated)};
  if (parsed.gated) parsed.activation.erase(0, kGated.size());
  if (parsed.activation.empty() || parsed.activation.find('-') != std::string::npos) {
    return Error{ErrorCode::kUnsupported,
                 "config.json: 'feed_forward_proj' must be the name of an activation or 'gated-' and one.",
                 fmt::format("'{}'", detail::printable(name))};
  }
  if (name == "gated-gelu") parsed.activation = "gelu_new";
  return parsed;
}

/// `dense_act_fn` and `is_gated_act`, which newer files also have, go before what `feed_forward_proj` says.
Result<void> read_feed_forward(const Json& config, const T5LikeDefaults& defaults, Architecture& a) {
  EPICRISIS_ASSIGN_OR_RETURN(const std::string name, json_value(config, "feed_forward_proj",
                                                                std::string(defaults.feed_forward), kWhat));
  EPICRISIS_ASSIGN_OR_RETURN(const FeedForward parsed, parse_feed_forward(name));
  if (config_has(config, "dense_act_fn")) {
    EPICRISIS_ASSIGN_OR_RETURN(a.activation, config_activation(config, "dense_act_fn", parsed.activation));
  } else {
    EPICRISIS_ASSIGN_OR_RETURN(a.activation, parse_activation(parsed.activation, "feed_forward_proj"));
  }
  EPICRISIS_ASSIGN_OR_RETURN(a.gated_ffn, json_value(config, "is_gated_act", parsed.gated, kWhat));
  return {};
}

Result<void> read_sizes(const Json& given, const Json& config, const T5LikeDefaults& defaults,
                        Architecture& a) {
  EPICRISIS_ASSIGN_OR_RETURN(a.vocab_size, config_size(config, "vocab_size", defaults.vocab_size, kMaxVocab));
  EPICRISIS_ASSIGN_OR_RETURN(a.d_model, config_size(config, "d_model", 512));
  EPICRISIS_ASSIGN_OR_RETURN(a.head_dim, config_size(config, "d_kv", 64));
  EPICRISIS_ASSIGN_OR_RETURN(a.encoder.layers,
                             config_size(config, "num_layers", defaults.layers, kMaxLayers));
  EPICRISIS_ASSIGN_OR_RETURN(a.encoder.heads, config_size(config, "num_heads", defaults.heads));
  if (a.encoder.heads > kMaxWidth / a.head_dim) {
    return Error{ErrorCode::kCorrupt,
                 fmt::format("{}: 'd_kv' times 'num_heads' must be at most {}.", kWhat, kMaxWidth),
                 fmt::format("{} and {}", a.head_dim, a.encoder.heads)};
  }
  EPICRISIS_ASSIGN_OR_RETURN(a.encoder.ffn_dim, config_size(config, "d_ff", defaults.ffn_dim));
  a.decoder = a.encoder;
  // The reference takes this default before it looks at the alias `num_hidden_layers`.
  EPICRISIS_ASSIGN_OR_RETURN(const int layers, config_size(given, "num_layers", defaults.layers, kMaxLayers));
  EPICRISIS_ASSIGN_OR_RETURN(a.decoder.layers, config_size(config, "num_decoder_layers", layers, kMaxLayers));
  return {};
}

Result<void> read_tokens(const Json& config, Architecture& a) {
  EPICRISIS_ASSIGN_OR_RETURN(a.pad_token_id, config_token(config, "pad_token_id", 0, a.vocab_size));
  EPICRISIS_ASSIGN_OR_RETURN(a.eos_token_id, config_token(config, "eos_token_id", 1, a.vocab_size));
  // T5 starts its decoder with the padding token; the reference's own class has no default for the key.
  EPICRISIS_ASSIGN_OR_RETURN(a.decoder_start_token_id,
                             config_token(config, "decoder_start_token_id", a.pad_token_id, a.vocab_size));
  if (config_has(config, "bos_token_id")) {
    EPICRISIS_ASSIGN_OR_RETURN(a.bos_token_id, config_token(config, "bos_token_id", 0, a.vocab_size));
  }
  return {};
}

void add_attention(ParameterList& list, const std::string& canonical, const std::string& file, int heads,
                   const Architecture& a) {
  const std::int64_t inner = std::int64_t{heads} * a.head_dim;
  list.add_linear(canonical + ".query", file + ".q", inner, a.d_model, a.attention_bias);
  list.add_linear(canonical + ".key", file + ".k", inner, a.d_model, a.attention_bias);
  list.add_linear(canonical + ".value", file + ".v", inner, a.d_model, a.attention_bias);
  list.add_linear(canonical + ".output", file + ".o", a.d_model, inner, a.attention_bias);
}

void add_feed_forward(ParameterList& list, const std::string& canonical, const std::string& file, int ffn_dim,
                      const Architecture& a) {
  if (a.gated_ffn) {
    list.add_linear(canonical + ".gate", file + ".wi_0", ffn_dim, a.d_model, a.ffn_bias);
    list.add_linear(canonical + ".up", file + ".wi_1", ffn_dim, a.d_model, a.ffn_bias);
  } else {
    list.add_linear(canonical + ".up", file + ".wi", ffn_dim, a.d_model, a.ffn_bias);
  }
  list.add_linear(canonical + ".down", file + ".wo", a.d_model, ffn_dim, a.ffn_bias);
}

void add_stack(ParameterList& list, const std::string& stack, const StackShape& shape,
               const Architecture& a) {
  list.add(stack + ".relative_bias.weight",
           stack + ".block.0.layer.0.SelfAttention.relative_attention_bias.weight",
           {a.relative_buckets, shape.heads});
  for (int i = 0; i < shape.layers; ++i) {
    const std::string canonical = fmt::format("{}.layers.{}.", stack, i);
    int part = 0;
    const auto next_part = [&] { return fmt::format("{}.block.{}.layer.{}", stack, i, part++); };
    std::string file = next_part();
    list.add_norm(canonical + "self_attention_norm", file + ".layer_norm", a.d_model, false);
    add_attention(list, canonical + "self_attention", file + ".SelfAttention", shape.heads, a);
    if (stack == "decoder") {
      file = next_part();
      list.add_norm(canonical + "cross_attention_norm", file + ".layer_norm", a.d_model, false);
      add_attention(list, canonical + "cross_attention", file + ".EncDecAttention", shape.heads, a);
    }
    file = next_part();
    list.add_norm(canonical + "feed_forward_norm", file + ".layer_norm", a.d_model, false);
    add_feed_forward(list, canonical + "feed_forward", file + ".DenseReluDense", shape.ffn_dim, a);
  }
  list.add_norm(stack + ".final_norm", stack + ".final_layer_norm", a.d_model, false);
}

}  // namespace

Result<Architecture> read_t5_like(const Json& given, std::string_view family,
                                  const T5LikeDefaults& defaults) {
  const Json config = with_aliases(given, {{"hidden_size", "d_model"},
                                           {"num_attention_heads", "num_heads"},
                                           {"num_hidden_layers", "num_layers"}});
  Architecture a;
  a.family = family;
  EPICRISIS_RETURN_IF_ERROR(read_sizes(given, config, defaults, a));
  a.normalization = Normalization::kRmsNorm;
  EPICRISIS_ASSIGN_OR_RETURN(a.norm_epsilon, config_epsilon(config, "layer_norm_epsilon", 1e-6F));
  a.positions = PositionEncoding::kRelativeBias;
  EPICRISIS_ASSIGN_OR_RETURN(a.relative_buckets, config_size(config, "relative_attention_num_buckets", 32));
  EPICRISIS_ASSIGN_OR_RETURN(a.relative_max_distance,
                             config_size(config, "relative_attention_max_distance", 128));
  EPICRISIS_RETURN_IF_ERROR(read_feed_forward(config, defaults, a));
  a.attention_bias = false;
  a.ffn_bias = false;
  EPICRISIS_ASSIGN_OR_RETURN(a.tied_output,
                             json_value(config, "tie_word_embeddings", defaults.tied_output, kWhat));
  const float inverse_root_width = 1.0F / std::sqrt(static_cast<float>(a.d_model));
  a.output_scale = a.tied_output ? inverse_root_width : 1.0F;
  EPICRISIS_RETURN_IF_ERROR(read_tokens(config, a));
  EPICRISIS_ASSIGN_OR_RETURN(a.dropout, config_probability(config, "dropout_rate", 0.1F));
  a.attention_dropout = a.dropout;
  a.activation_dropout = a.dropout;
  a.final_dropout = a.dropout;
  a.padding_row_fixed = false;
  EPICRISIS_ASSIGN_OR_RETURN(a.init_std, json_value(config, "initializer_factor", 1.0F, kWhat));
  a.init_by_fan_in = true;
  return a;
}

std::vector<Parameter> t5_like_parameters(const Architecture& a) {
  ParameterList list;
  list.add_embedding(a, {"shared.weight", "encoder.embed_tokens.weight", "decoder.embed_tokens.weight"},
                     "lm_head.weight");
  add_stack(list, "encoder", a.encoder, a);
  add_stack(list, "decoder", a.decoder, a);
  return std::move(list).take();
}

bool is_ignored_by_t5_like(std::string_view file_name) {
  return file_name == "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight";
}

}  // namespace epicrisis::families
