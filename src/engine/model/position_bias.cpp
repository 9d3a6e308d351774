#include "engine/model/position_bias.hpp"

#include <algorithm>
#include <bit>

namespace epicrisis::engine {
namespace {

constexpr int kShortestTable = 64;

}  // namespace

PositionBias PositionBias::relative(const float* weights, const RelativeBuckets& buckets, int heads) {
  PositionBias bias;
  bias.heads_ = heads;
  bias.weights_ = weights;
  bias.buckets_ = buckets;
  return bias;
}

PositionBias PositionBias::alibi(int heads) {
  PositionBias bias;
  bias.heads_ = heads;
  bias.slopes_ = alibi_slopes(heads);
  return bias;
}

void PositionBias::write(int distance, float* to, std::ptrdiff_t stride) const noexcept {
  if (weights_ != nullptr) {
    const float* row = weights_ + static_cast<std::ptrdiff_t>(buckets_.of(distance)) * heads_;
    for (int h = 0; h < heads_; ++h) to[h * stride] = row[h];
    return;
  }
  // The reference adds slope * position of the key; less slope * position of the query, the same for all keys
  // of a query, which softmax takes out. Distances stay small where positions do not.
  for (int h = 0; h < heads_; ++h)
    to[h * stride] = slopes_[static_cast<std::size_t>(h)] * static_cast<float>(distance);
}

void PositionBiasTable::extend(int length) {
  if (bias_.empty() || length <= length_) return;
  length_ = 0;  // until the memory is there
  const std::ptrdiff_t extended =
      std::bit_ceil(static_cast<unsigned>(std::max(length, kShortestTable)));  // so that it happens rarely
  const std::ptrdiff_t stride = causal_ ? extended : 2 * extended - 1;
  table_.ensure(static_cast<std::size_t>(stride) * static_cast<std::size_t>(bias_.heads()));
  for (std::ptrdiff_t i = 0; i < stride; ++i)
    bias_.write(static_cast<int>(i - (extended - 1)), table_.data() + i, stride);
  length_ = extended;
  stride_ = stride;
}

}  // namespace epicrisis::engine
