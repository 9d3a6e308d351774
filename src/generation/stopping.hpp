#pragma once

#include <span>

#include "base/result.hpp"
#include "generation/generation_config.hpp"

namespace epicrisis {

/// Lengths that bound one sequence, in tokens, start token or prompt included.
struct LengthLimits {
  int prompt = 1;
  int min = 0;  ///< No end-of-sequence token before this many.
  int max = 0;  ///< Generation stops here.
};

/// Resolves max_length, max_new_tokens, min_length and min_new_tokens for a prompt of `prompt_length` tokens
/// on a model of `max_target_tokens` positions. Errors: kInvalidArgument when nothing could be generated, the
/// minimum passes the maximum, or the maximum passes the model's positions.
Result<LengthLimits> length_limits(const GenerationConfig& config, int prompt_length, int max_target_tokens);

/// Whether `token` ends a sequence.
bool is_end_of_sequence(TokenId token, std::span<const TokenId> eos_token_ids) noexcept;

}  // namespace epicrisis
