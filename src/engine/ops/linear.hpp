#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "checkpoint/architecture.hpp"
#include "engine/thread_team.hpp"

namespace epicrisis::engine {

/// A weight matrix as checkpoints store it. The memory belongs to the model's weights.
struct LinearWeights {
  const float* weight = nullptr;  ///< [out, in]
  const std::uint16_t* weight_bfloat16 =
      nullptr;                  ///< Stands in for `weight`: [out, in] bits of bfloat16 elements.
  const float* bias = nullptr;  ///< [out], or null for none.
  int in = 0;
  int out = 0;

  /// The part that computes outputs [first, first + count): one attention head's, say.
  LinearWeights rows(int first, int count) const;
};

/// y = row `index` of the matrix, as float32: [in].
void copy_row(const LinearWeights& weights, std::ptrdiff_t index, float* y) noexcept;

/// Where one product of an op goes.
struct LinearOutput {
  LinearWeights weights;
  float* y = nullptr;  ///< [M, out]
  std::ptrdiff_t y_stride = 0;
  std::optional<Activation> activation = std::nullopt;  ///< Applied to the results.
};

/// Float32 rows in memory.
struct RowsView {
  const float* data = nullptr;  ///< [rows, width]
  std::ptrdiff_t stride = 0;
  int rows = 0;
};

enum class LinearMode {
  kStore,  ///< y = x * weight^T + bias
  kAdd     ///< y += x * weight^T + bias: a residual connection.
};

/// Multiplies the same rows by each of `outputs`, whose `in` are equal, as one piece of shared work. A row's
/// result has the same bits whatever other rows, outputs and threads there are.
void linear(ThreadTeam& team, const RowsView& x, std::span<const LinearOutput> outputs,
            LinearMode mode = LinearMode::kStore);

}  // namespace epicrisis::engine
