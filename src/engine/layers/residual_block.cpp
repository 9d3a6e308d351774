#include "engine/layers/residual_block.hpp"

#include <algorithm>
#include <array>

#include "engine/kernels/rowwise.hpp"

namespace epicrisis::engine {
namespace {

constexpr int kTaskRows = 16;          // Rows of one task: some microseconds of work.
constexpr int kFeedForwardRows = 512;  // Bounds the memory of [rows, F], the widest activation.

// Calls work(row) for each of `rows` rows, `operations` for all of them together.
template <class Work>
void for_each_row(ThreadTeam& team, int rows, std::int64_t operations, const Work& work) {
  team.run((rows + kTaskRows - 1) / kTaskRows, operations, [&](int task, int) noexcept {
    for (int row = task * kTaskRows; row < std::min(rows, (task + 1) * kTaskRows); ++row) work(row);
  });
}

// activation(gate(x)) * up(x) to `activated` [rows, F]; `up` is as large.
void gated_activation(ThreadTeam& team, LinearScratch& scratch, Activation activation,
                      const FeedForwardWeights& weights, const RowsView& x, float* activated, float* up) {
  const std::ptrdiff_t width = weights.up.out;
  const std::array outputs{LinearOutput{weights.gate, activated, width, activation},
                           LinearOutput{weights.up, up, width}};
  linear(team, scratch, x, outputs);
  for_each_row(team, x.rows, x.rows * width, [&](int row) noexcept {
    kernels::multiply(up + row * width, weights.up.out, activated + row * width);
  });
}

}  // namespace

void normalize(ThreadTeam& team, const Architecture& architecture, const NormWeights& norm, const float* x,
               int rows, float* y) {
  const std::ptrdiff_t width = architecture.d_model;
  for_each_row(team, rows, 4 * rows * width, [&](int row) noexcept {
    switch (architecture.normalization) {
      case Normalization::kLayerNorm:
        return kernels::layer_norm(x + row * width, norm.weight, norm.bias, architecture.norm_epsilon,
                                   architecture.d_model, y + row * width);
      case Normalization::kRmsNorm:
        return kernels::rms_norm(x + row * width, norm.weight, architecture.norm_epsilon,
                                 architecture.d_model, y + row * width);
    }
  });
}

const float* block_input(ThreadTeam& team, const Architecture& architecture, const NormWeights& norm,
                         const float* x, int rows, float* normed) {
  if (architecture.norm_placement == NormPlacement::kAfter) return x;
  normalize(team, architecture, norm, x, rows, normed);
  return normed;
}

void finish_block(ThreadTeam& team, const Architecture& architecture, const NormWeights& norm, float* x,
                  int rows) {
  if (architecture.norm_placement == NormPlacement::kAfter) normalize(team, architecture, norm, x, rows, x);
}

void feed_forward_block(ThreadTeam& team, LinearScratch& scratch, const Architecture& architecture,
                        const FeedForwardWeights& weights, float* x, int rows, float* normed,
                        FloatBuffer& hidden) {
  const std::ptrdiff_t width = architecture.d_model;
  const std::ptrdiff_t ffn_width = weights.up.out;
  const std::ptrdiff_t slice = std::min(rows, kFeedForwardRows) * ffn_width;
  const float* input = block_input(team, architecture, weights.norm, x, rows, normed);
  float* activated = hidden.ensure(static_cast<std::size_t>(architecture.gated_ffn ? 2 * slice : slice));
  for (int first = 0; first < rows; first += kFeedForwardRows) {
    const int count = std::min(kFeedForwardRows, rows - first);
    const RowsView part{input + first * width, width, count};
    if (architecture.gated_ffn) {
      gated_activation(team, scratch, architecture.activation, weights, part, activated, activated + slice);
    } else {
      const std::array up{LinearOutput{weights.up, activated, ffn_width, architecture.activation}};
      linear(team, scratch, part, up);
    }
    const std::array down{LinearOutput{weights.down, x + first * width, width}};
    linear(team, scratch, {activated, ffn_width, count}, down, LinearMode::kAdd);
  }
  finish_block(team, architecture, weights.norm, x, rows);
}

}  // namespace epicrisis::engine
