#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "checkpoint/architecture.hpp"
#include "engine/float_buffer.hpp"
#include "engine/kernels/int8_matmul.hpp"
#include "engine/thread_team.hpp"

namespace epicrisis::engine {

/// A weight matrix in one of three forms. The memory belongs to the model's weights.
struct LinearWeights {
  const float* weight = nullptr;                   ///< [out, in], as checkpoints store it.
  const std::uint16_t* weight_bfloat16 = nullptr;  ///< Likewise: the bits of bfloat16 elements.
  const kernels::Int8Panels* weight_int8 = nullptr;
  int first_channel = 0;       ///< Of weight_int8: that of output 0.
  bool rounds_inputs = false;  ///< Multiply weight_bfloat16 with inputs rounded to bfloat16.
  /// Products pack float32 and bfloat16 weights as they go: for matrices that all rows of a source pass at
  /// once, never those of single steps.
  bool packs = false;
  const float* bias = nullptr;  ///< [out], or null for none.
  int in = 0;
  int out = 0;

  /// The part that computes outputs [first, first + count): one attention head's, say.
  LinearWeights rows(int first, int count) const;
};

/// y = row `index` of a matrix in a form that checkpoints store, as float32: [in].
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

/// Where linear() puts its inputs when it narrows them: kept between calls, by one caller at a time.
struct LinearScratch {
  FloatBuffer rows;    ///< Holds bytes or bfloat16 elements.
  FloatBuffer scales;  ///< [rows]
  FloatBuffer panels;  ///< [workers, kernels::kPackedScratch]
};

/// Multiplies the same rows by each of `outputs`, whose `in` and form are equal, as one piece of shared work.
/// A row's result has the same bits whatever other rows, outputs and threads there are.
void linear(ThreadTeam& team, LinearScratch& scratch, const RowsView& x,
            std::span<const LinearOutput> outputs, LinearMode mode = LinearMode::kStore);

}  // namespace epicrisis::engine
