#include "engine/model/position_bias.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace epicrisis::engine {
namespace {

constexpr int kShortestTable = 64;

// 2^(-8 / heads) for a power of two, in float32 as the reference has it.
float alibi_base(int heads) { return static_cast<float>(std::exp2(-std::exp2(3 - std::log2(heads)))); }

}  // namespace

bool RelativeBuckets::valid() const noexcept {
  const int one_sided = bidirectional ? count / 2 : count;
  return one_sided >= 2 && max_distance > one_sided / 2;
}

int RelativeBuckets::of(int distance) const noexcept {
  const int one_sided = bidirectional ? count / 2 : count;
  const int first = bidirectional && distance > 0 ? one_sided : 0;
  const int apart = bidirectional ? std::abs(distance) : std::max(-distance, 0);
  const int exact = one_sided / 2;
  if (apart < exact) return first + apart;
  const float range = static_cast<float>(std::log(static_cast<double>(max_distance) / exact));
  const float share = std::log(static_cast<float>(apart) / static_cast<float>(exact)) / range;
  const float wider = share * static_cast<float>(one_sided - exact);
  return first + std::min(exact + static_cast<int>(wider), one_sided - 1);
}

std::vector<float> alibi_slopes(int heads) {
  const int power = static_cast<int>(std::bit_floor(static_cast<unsigned>(heads)));
  const float base = alibi_base(power);
  const float finer_base = alibi_base(2 * power);
  std::vector<float> slopes;
  for (int h = 0; h < power; ++h) slopes.push_back(std::pow(base, static_cast<float>(h + 1)));
  for (int h = 0; h < heads - power; ++h)
    slopes.push_back(std::pow(finer_base, static_cast<float>(2 * h + 1)));
  return slopes;
}

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
