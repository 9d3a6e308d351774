#include "checkpoint/families/config_reader.hpp"

#include <fmt/format.h>

#include <array>
#include <string>
#include <utility>

#include "checkpoint/detail/printable.hpp"

namespace epicrisis {
namespace {

constexpr std::string_view kWhat = "config.json";

Error out_of_range(std::string_view key, std::string expected) {
  return {ErrorCode::kCorrupt, fmt::format("{}: '{}' must be {}.", kWhat, key, expected), ""};
}

}  // namespace

Result<int> config_size(const Json& config, std::string_view key, int fallback, int max) {
  EPICRISIS_ASSIGN_OR_RETURN(const int size, json_value(config, key, fallback, kWhat));
  if (size < 1 || size > max) return out_of_range(key, fmt::format("between 1 and {}", max));
  return size;
}

Result<TokenId> config_token(const Json& config, std::string_view key, TokenId fallback, int vocab_size) {
  EPICRISIS_ASSIGN_OR_RETURN(const TokenId id, json_value(config, key, fallback, kWhat));
  if (id < 0 || id >= vocab_size) {
    return out_of_range(key, fmt::format("a token of the vocabulary, 0 to {}", vocab_size - 1));
  }
  return id;
}

Result<float> config_probability(const Json& config, std::string_view key, float fallback) {
  EPICRISIS_ASSIGN_OR_RETURN(const float value, json_value(config, key, fallback, kWhat));
  if (!(value >= 0.0F && value <= 1.0F)) return out_of_range(key, "between 0 and 1");
  return value;
}

Result<float> config_epsilon(const Json& config, std::string_view key, float fallback) {
  return config_probability(config, key, fallback);
}

bool config_has(const Json& config, std::string_view key) {
  const auto found = config.find(key);
  return found != config.end() && !found->is_null();
}

Result<Activation> config_activation(const Json& config, std::string_view key, std::string_view fallback) {
  EPICRISIS_ASSIGN_OR_RETURN(const std::string name, json_value(config, key, std::string(fallback), kWhat));
  return parse_activation(name, key);
}

Result<Activation> parse_activation(std::string_view name, std::string_view key) {
  static constexpr std::array<std::pair<std::string_view, Activation>, 8> kActivations = {{
      {"relu", Activation::kRelu},
      {"gelu", Activation::kGelu},
      {"gelu_python", Activation::kGelu},
      {"gelu_new", Activation::kGeluTanh},
      {"gelu_fast", Activation::kGeluTanh},
      {"gelu_pytorch_tanh", Activation::kGeluTanh},
      {"silu", Activation::kSilu},
      {"swish", Activation::kSilu},
  }};
  for (const auto& [known, activation] : kActivations) {
    if (name == known) return activation;
  }
  return Error{ErrorCode::kUnsupported,
               fmt::format("{}: '{}' is an activation this version does not know.", kWhat, key),
               fmt::format("'{}'; known are relu, gelu, gelu_python, gelu_new, gelu_fast, gelu_pytorch_tanh, "
                           "silu and swish",
                           detail::printable(name))};
}

Result<void> require_config(const Json& config, std::string_view key, const Json& supported) {
  const auto found = config.find(key);
  if (found == config.end() || found->is_null() || *found == supported) return {};
  return Error{ErrorCode::kUnsupported,
               fmt::format("{}: '{}' is set to something this version does not support.", kWhat, key),
               fmt::format("only {} is", supported.dump())};
}

Result<void> require_multiple(std::string_view key, int value, std::string_view factor_key, int factor) {
  if (value % factor == 0) return {};
  return Error{ErrorCode::kCorrupt,
               fmt::format("{}: '{}' must be a multiple of '{}'.", kWhat, key, factor_key),
               fmt::format("{} and {}", value, factor)};
}

Json with_aliases(const Json& config,
                  std::initializer_list<std::pair<std::string_view, std::string_view>> aliases) {
  Json result = config;
  for (const auto& [alias, key] : aliases) {
    if (!config_has(config, alias)) continue;
    result[std::string(key)] = config.at(std::string(alias));
    result.erase(std::string(alias));
  }
  return result;
}

Result<void> read_decoder_only_tokens(const Json& config, TokenId bos, TokenId eos,
                                      Architecture& architecture) {
  const int vocab_size = architecture.vocab_size;
  if (config_has(config, "bos_token_id") || bos < vocab_size) {
    EPICRISIS_ASSIGN_OR_RETURN(architecture.bos_token_id,
                               config_token(config, "bos_token_id", bos, vocab_size));
  }
  EPICRISIS_ASSIGN_OR_RETURN(architecture.eos_token_id,
                             config_token(config, "eos_token_id", eos, vocab_size));
  EPICRISIS_ASSIGN_OR_RETURN(architecture.pad_token_id,
                             config_token(config, "pad_token_id", architecture.eos_token_id, vocab_size));
  return {};
}

}  // namespace epicrisis
