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

Result<Activation> config_activation(const Json& config, std::string_view key, std::string_view fallback) {
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
  EPICRISIS_ASSIGN_OR_RETURN(const std::string name, json_value(config, key, std::string(fallback), kWhat));
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

}  // namespace epicrisis
