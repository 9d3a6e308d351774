#pragma once

#include <span>
#include <vector>

#include "base/token_id.hpp"
#include "checkpoint/checkpoint.hpp"

namespace epicrisis::testing {

/// The same encoder-decoder as the engine's, written as the paper has it (Vaswani et al. 2017, with norms
/// before each block): matrices of doubles, no cache, no batch. Weights are float32. Returns logits [T][V].
std::vector<std::vector<double>> plain_forward(const Checkpoint& checkpoint, std::span<const TokenId> source,
                                               std::span<const TokenId> target);

}  // namespace epicrisis::testing
