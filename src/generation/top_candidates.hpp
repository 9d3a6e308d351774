#pragma once

#include <span>
#include <vector>

#include "base/token_id.hpp"

namespace epicrisis {

/// A token and its score.
struct Candidate {
  TokenId token = 0;
  float score = 0;
};

/// Replaces `best` by the `count` highest of `scores` [V] (all, if V is smaller), best first; of equal scores
/// the lower id comes first. NaN is skipped, so a damaged model gives fewer. One pass over V; `best` keeps
/// its memory between calls.
void top_candidates(std::span<const float> scores, std::size_t count, std::vector<Candidate>& best);

/// The id of the highest score, the lowest of equal ones; -1 when all are NaN.
TokenId arg_max(std::span<const float> scores);

}  // namespace epicrisis
