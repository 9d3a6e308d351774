#pragma once

#include <cstdint>

#include "checkpoint/architecture.hpp"
#include "train/ops/ops.hpp"
#include "train/transformer_weights.hpp"

/// The pieces of a layer that a forward pass over whole sequences and decoding step by step share.
namespace epicrisis::train {

/// Gives every dropout of a forward pass its own seed, in order; off outside training.
class DropoutSeeds {
 public:
  DropoutSeeds() = default;
  explicit DropoutSeeds(std::uint64_t seed) : seed_(seed), active_(true) {}
  ops::Dropout next(float probability) {
    return active_ ? ops::Dropout{probability, seed_ + ++place_ * 0x9E3779B97F4A7C15ULL} : ops::Dropout{};
  }

 private:
  std::uint64_t seed_ = 0;
  std::uint64_t place_ = 0;
  bool active_ = false;
};

/// x times the projection, with its adapters.
at::Tensor project(const at::Tensor& x, const Projection& projection, DropoutSeeds& dropout);

/// The norm that the architecture uses; `x` itself where it has none.
inline at::Tensor normalize(const Architecture& architecture, const at::Tensor& x, const NormWeights& norm) {
  if (!norm.weight.defined()) return x;
  if (architecture.normalization == Normalization::kRmsNorm)
    return ops::rms_norm(x, norm.weight, architecture.norm_epsilon);
  return ops::layer_norm(x, norm.weight, norm.bias, architecture.norm_epsilon);
}

/// x + dropout(block(norm(x))), or norm(x + dropout(block(x))) where norms come after.
template <class Block>
at::Tensor residual_block(const Architecture& architecture, const at::Tensor& x, const NormWeights& norm,
                          DropoutSeeds& dropout, Block block) {
  const bool norm_first = architecture.norm_placement == NormPlacement::kBefore;
  const at::Tensor out = block(norm_first ? normalize(architecture, x, norm) : x);
  const at::Tensor sum = ops::dropout_add(out, x, dropout.next(architecture.dropout));
  return norm_first ? sum : normalize(architecture, sum, norm);
}

at::Tensor feed_forward_block(const Architecture& architecture, const at::Tensor& x,
                              const LayerWeights& layer, DropoutSeeds& dropout);

}  // namespace epicrisis::train
