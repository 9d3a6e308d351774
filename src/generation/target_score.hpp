#pragma once

#include <optional>
#include <span>
#include <stop_token>
#include <vector>

#include "base/result.hpp"
#include "base/token_id.hpp"
#include "generation/backend.hpp"

namespace epicrisis {

/// A text to be scored: how likely the model writes `target` for `source`.
struct ScoredPair {
  std::vector<TokenId> source;  ///< Of a decoder-only model the prompt, which the target continues.
  std::vector<TokenId> target;  ///< The labels, the closing token included; no start token.
};

/// The sum of the log-probabilities of each pair's target tokens, each given the source and the target tokens
/// before it (teacher forcing); -1/target.size() times that is the training loss. The decoder starts with
/// decoder_start, or, where that is absent, with the target's last token. Each as if it were alone, batch
/// mates never change it. Memory: as many rows at once as the backend prefers. Errors: kInvalidArgument
/// naming the pair (from 0) that is empty or too long for the model or has a token the model does not know;
/// kCorrupt when the model's numbers are no numbers; kCancelled; what the backend reports.
Result<std::vector<double>> target_log_probs(const Backend& backend, std::span<const ScoredPair> pairs,
                                             std::optional<TokenId> decoder_start, std::stop_token stop = {});

}  // namespace epicrisis
