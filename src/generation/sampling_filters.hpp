#pragma once

#include <span>
#include <vector>

#include "base/token_id.hpp"

namespace epicrisis {

/// A token that may be drawn, and how likely.
struct TokenProbability {
  TokenId token = 0;
  double probability = 0;
};

struct SamplingSettings {
  double temperature = 1.0;
  int top_k = 0;  ///< 0: all. Tokens level with the k-th stay.
  double top_p =
      1.0;  ///< 1: all. Else the likeliest tokens up to this mass, the one that passes it included.
};

/// The distribution left of `scores` [V] after temperature, then top-k, then top-p: probabilities that sum to
/// one, likeliest first, of equal ones the lower id. Empty when no score is a number.
std::vector<TokenProbability> filtered_distribution(std::span<const float> scores,
                                                    const SamplingSettings& settings);

}  // namespace epicrisis
