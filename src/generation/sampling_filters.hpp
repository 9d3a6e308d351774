#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/token_id.hpp"
#include "generation/generation_config.hpp"

namespace epicrisis {

/// A token that may be drawn, and how likely.
struct TokenProbability {
  TokenId token = 0;
  double probability = 0;
};

/// What is drawn from: the filters in the order they are applied.
struct SamplingSettings {
  double temperature = 1.0;
  int top_k = 0;  ///< 0: all. Tokens level with the k-th stay.
  /// 1: all. Else the likeliest tokens up to this mass, the one that passes it included.
  double top_p = 1.0;
  /// 1: all. Else the tokens whose surprise is nearest to the expected one, up to this mass (Meister et al.
  /// 2023, "Locally typical sampling").
  double typical_p = 1.0;
  /// 0: all. Else no token less likely than this (Hewitt et al. 2022, "Truncation sampling as language model
  /// desmoothing", which has the next one too).
  double epsilon_cutoff = 0.0;
  /// 0: all. Else no token less likely than this, or than its square root times e^-entropy if that is lower.
  double eta_cutoff = 0.0;
  std::size_t min_tokens_to_keep = 1;  ///< No filter leaves fewer.
};

/// The settings that `config` samples with. Among beams two tokens always stay, so that an end of sequence
/// leaves another.
SamplingSettings sampling_settings(const GenerationConfig& config);

/// The distribution left of `scores` [V] after each filter of `settings` in its turn: probabilities that sum
/// to one, likeliest first, of equal ones the lower id. Empty when no score is a number.
std::vector<TokenProbability> filtered_distribution(std::span<const float> scores,
                                                    const SamplingSettings& settings);

}  // namespace epicrisis
