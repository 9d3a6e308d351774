#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "checkpoint/architecture.hpp"

/// Differentiable operations on packed activations: tokens of all sequences of a batch follow each other, [N,
/// D], without padding. Float32 on CPU runs fused kernels with hand-written gradients; other devices and
/// types (bfloat16 autocast) run the same formulas as LibTorch operations, which the tests also use as the
/// reference.
namespace epicrisis::train::ops {

using at::Tensor;

/// LibTorch's functions take a tensor that may be absent as an optional.
inline c10::optional<Tensor> if_defined(const Tensor& tensor) {
  return tensor.defined() ? c10::optional<Tensor>(tensor) : c10::nullopt;
}

/// Whether `x` would run the fused kernels. disable_kernels() makes it always false (tests, comparisons).
bool uses_kernels(const Tensor& x);
void set_kernels_enabled(bool enabled);

/// Dropout of one place in the model at one step: probability and the seed of its mask.
struct Dropout {
  double probability = 0;
  std::uint64_t seed = 0;
};

/// x weight^T + bias; x [N, in], weight [out, in], bias [out] or undefined.
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias);

/// A low-rank addition to rows of a projection's matrix from first_row on: scale * b a (Hu et al. 2021).
struct LowRank {
  Tensor a, b;  ///< [rank, in] and [rows, rank].
  std::int64_t first_row = 0;
  double scale = 1;
  double dropout = 0;  ///< Of what `a` reads; for the caller to apply.
};
/// y [N, out] plus scale (x a^T) b^T in columns from first_row on. May overwrite `y`, which nothing else may
/// need any more.
Tensor add_low_rank(const Tensor& y, const Tensor& x, const LowRank& adapter);

Tensor activate(const Tensor& x, Activation activation);

/// down(dropout(activation(up(x)))), or with a gate down(dropout(activation(gate(x)) * up(x))) (Shazeer
/// 2020): weights [F, D] and [D, F]; biases may be undefined, and so may the gate.
struct FeedForwardWeights {
  Tensor up_weight, up_bias, down_weight, down_bias;
  Tensor gate_weight = {}, gate_bias = {};
};
Tensor feed_forward(const Tensor& x, const FeedForwardWeights& weights, Activation activation,
                    const Dropout& dropout);

Tensor layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, double epsilon);
/// x / sqrt(mean of squares + epsilon) * weight (Zhang and Sennrich 2019), in float32.
Tensor rms_norm(const Tensor& x, const Tensor& weight, double epsilon);

/// residual + dropout(x); `residual` may be undefined.
Tensor dropout_add(const Tensor& x, const Tensor& residual, const Dropout& dropout);

/// What self-attention adds to scaled scores: it depends on the head and on how far a key stands from its
/// query, and on nothing else.
struct PositionBias {
  Tensor by_distance = {};  ///< [H, distances], float32, contiguous; undefined: none. May require a gradient.
  std::int64_t zero = 0;    ///< Column of distance 0; a key after its query stands to the right of it.
};

struct AttentionSettings {
  int heads = 1;
  double scale = 1;     ///< Multiplies queries times keys.
  bool causal = false;  ///< Query i of a sequence sees keys 0..i.
  Dropout dropout;
  PositionBias bias = {};  ///< Self-attention only; covers every distance within the longest sequence.
};
/// Sequence b covers rows [offsets[b], offsets[b + 1]).
using RowOffsets = std::vector<std::int64_t>;

/// Multi-head attention of every sequence to itself (Vaswani et al. 2017, section 3.2). query_key_value: [N,
/// 3 H Dh], queries, keys and values side by side; result [N, H Dh].
Tensor self_attention(const Tensor& query_key_value, const RowOffsets& offsets,
                      const AttentionSettings& settings);
/// query [Nt, H Dh] attends to key_value [Ns, 2 H Dh] of the same sequence.
Tensor cross_attention(const Tensor& query, const Tensor& key_value, const RowOffsets& query_offsets,
                       const RowOffsets& key_offsets, const AttentionSettings& settings);

/// Label-smoothed cross-entropy of softmax(hidden weight^T + bias) against `labels` (one for each row of
/// hidden), summed over rows and multiplied by `factor`; logits exist for a few rows at a time only. bias [V]
/// may be undefined and gets no gradient.
Tensor cross_entropy(const Tensor& hidden, const Tensor& weight, const Tensor& bias,
                     const std::vector<std::int64_t>& labels, double label_smoothing, double factor);

}  // namespace epicrisis::train::ops
