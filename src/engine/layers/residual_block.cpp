#include "engine/layers/residual_block.hpp"

#include <algorithm>
#include <array>

#include "engine/kernels/rowwise.hpp"

namespace epicrisis::engine {
namespace {

constexpr int kNormRows = 16;          // Rows of one task: some microseconds of work.
constexpr int kFeedForwardRows = 512;  // Bounds the memory of [rows, F], the widest activation.

}  // namespace

void normalize(ThreadTeam& team, const Architecture& architecture, const NormWeights& norm, const float* x,
               int rows, float* y) {
  const std::ptrdiff_t width = architecture.d_model;
  const std::int64_t operations = 4 * rows * width;
  team.run((rows + kNormRows - 1) / kNormRows, operations, [&](int task, int) noexcept {
    for (int row = task * kNormRows; row < std::min(rows, (task + 1) * kNormRows); ++row)
      kernels::layer_norm(x + row * width, norm.weight, norm.bias, architecture.norm_epsilon,
                          architecture.d_model, y + row * width);
  });
}

void feed_forward_block(ThreadTeam& team, const Architecture& architecture, const FeedForwardWeights& weights,
                        float* x, int rows, float* normed, FloatBuffer& hidden) {
  const std::ptrdiff_t width = architecture.d_model;
  const std::ptrdiff_t ffn_width = weights.up.out;
  normalize(team, architecture, weights.norm, x, rows, normed);
  float* activated = hidden.ensure(static_cast<std::size_t>(std::min(rows, kFeedForwardRows) * ffn_width));
  for (int first = 0; first < rows; first += kFeedForwardRows) {
    const int count = std::min(kFeedForwardRows, rows - first);
    const std::array up{LinearOutput{weights.up, activated, ffn_width}};
    linear(team, {normed + first * width, width, count}, up, LinearMode::kStore, architecture.activation);
    const std::array down{LinearOutput{weights.down, x + first * width, width}};
    linear(team, {activated, ffn_width, count}, down, LinearMode::kAdd);
  }
}

}  // namespace epicrisis::engine
