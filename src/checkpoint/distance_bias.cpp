#include "checkpoint/distance_bias.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>

namespace epicrisis {
namespace {

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

RelativeBuckets relative_buckets(const Architecture& architecture, bool bidirectional) noexcept {
  return {architecture.relative_buckets, architecture.relative_max_distance, bidirectional};
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

}  // namespace epicrisis
