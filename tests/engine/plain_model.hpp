#pragma once

#include <span>
#include <vector>

#include "base/token_id.hpp"
#include "checkpoint/checkpoint.hpp"

namespace epicrisis::testing {

struct PlainOutput {
  std::vector<std::vector<double>> encoder;  ///< [S][D], empty in a decoder-only model.
  std::vector<std::vector<double>> hidden;   ///< [T][D]: of the decoder, after its final norm.
  std::vector<std::vector<double>> logits;   ///< [T][V]
};

/// The same model as the engine's, written as the papers have it (Vaswani et al. 2017; biases of T5 and ALiBi
/// as their reference code computes them): matrices of doubles, no cache, no batch. Weights are float32.
PlainOutput plain_forward(const Checkpoint& checkpoint, std::span<const TokenId> source,
                          std::span<const TokenId> target);

}  // namespace epicrisis::testing
