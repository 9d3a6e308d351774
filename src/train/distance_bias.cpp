#include "train/distance_bias.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>

namespace epicrisis::train {

int relative_bucket(int distance, bool bidirectional, int buckets, int max_distance) {
  int first = 0, away = std::max(0, -distance);
  if (bidirectional) {
    buckets /= 2;
    first = distance > 0 ? buckets : 0;
    away = std::abs(distance);
  }
  const int exact = buckets / 2;
  if (away < exact) return first + away;
  const float share = std::log(static_cast<float>(away) / static_cast<float>(exact)) /
                      static_cast<float>(std::log(static_cast<double>(max_distance) / exact));
  const int wide = exact + static_cast<int>(share * static_cast<float>(buckets - exact));
  return first + std::min(wide, buckets - 1);
}

std::vector<float> alibi_slopes(int heads) {
  const auto power = static_cast<int>(std::bit_floor(static_cast<unsigned>(heads)));
  std::vector<float> slopes;
  const auto base_of = [](int count) { return static_cast<float>(std::exp2(-8.0 / count)); };
  for (int i = 1; i <= power; ++i) slopes.push_back(std::pow(base_of(power), static_cast<float>(i)));
  for (int i = 1; static_cast<int>(slopes.size()) < heads; i += 2)
    slopes.push_back(std::pow(base_of(2 * power), static_cast<float>(i)));
  return slopes;
}

}  // namespace epicrisis::train
