#include "generation/stopping.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

namespace epicrisis {

Result<LengthLimits> length_limits(const GenerationConfig& config, int prompt_length, int max_target_tokens) {
  const auto invalid = [](std::string message) {
    return Error{ErrorCode::kInvalidArgument, std::move(message), ""};
  };
  const std::int64_t prompt = prompt_length;
  const std::int64_t max = config.max_new_tokens ? prompt + *config.max_new_tokens : config.max_length;
  const std::int64_t min = std::max<std::int64_t>(
      config.min_length, config.min_new_tokens ? prompt + *config.min_new_tokens : std::int64_t{0});
  if (max <= prompt) {
    return invalid(fmt::format(
        "max_length {} leaves no room to generate: it counts the {} start or prompt token(s); raise it, or "
        "give max_new_tokens, which does not.",
        max, prompt));
  }
  if (min > max) {
    return invalid(
        fmt::format("The shortest length ({}) passes the longest ({}): lower min_length or "
                    "min_new_tokens, or raise max_length or max_new_tokens.",
                    min, max));
  }
  if (max > max_target_tokens) {
    return invalid(fmt::format(
        "A length of {} tokens ({} of them start or prompt) passes the {} positions of this model: lower "
        "max_length or max_new_tokens.",
        max, prompt, max_target_tokens));
  }
  return LengthLimits{prompt_length, static_cast<int>(min), static_cast<int>(max)};
}

bool is_end_of_sequence(TokenId token, std::span<const TokenId> eos_token_ids) noexcept {
  return std::find(eos_token_ids.begin(), eos_token_ids.end(), token) != eos_token_ids.end();
}

}  // namespace epicrisis
