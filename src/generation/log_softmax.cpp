#include "generation/log_softmax.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace epicrisis {
namespace {

constexpr std::size_t kLanes = 16;
/// Lanes are summed in float over this many elements, then in double: the error stays below 64 roundings.
constexpr std::size_t kBlock = 64 * kLanes;
constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// exp(x) for x <= 0, relative error below 2e-7, in operations that compilers vectorise. x = n ln 2 + r with
/// |r| <= ln 2 / 2, then a Taylor polynomial of degree 7 in r; ln 2 is split in two so that r is exact.
inline float exp_of_non_positive(float x) noexcept {
  constexpr float kSmallest = -87.0F;  // below it 2^n is no normal number; the terms are nothing beside 1
  constexpr float kLog2E = 1.44269504F;
  constexpr float kLn2High = 0.693359375F;
  constexpr float kLn2Low = -2.12194440e-4F;
  constexpr float kRoundToInteger = 12582912.0F;  // 1.5 * 2^23: adding it leaves no fraction bits
  const float clamped = std::max(x, kSmallest);
  const float n = (clamped * kLog2E + kRoundToInteger) - kRoundToInteger;
  const float r = (clamped - n * kLn2High) - n * kLn2Low;
  float p = 1.0F / 5040.0F;
  p = p * r + 1.0F / 720.0F;
  p = p * r + 1.0F / 120.0F;
  p = p * r + 1.0F / 24.0F;
  p = p * r + 1.0F / 6.0F;
  p = p * r + 0.5F;
  p = p * r + 1.0F;
  p = p * r + 1.0F;
  const auto exponent = static_cast<std::uint32_t>(static_cast<std::int32_t>(n) + 127) << 23;
  return x < kSmallest ? 0.0F : p * std::bit_cast<float>(exponent);
}

float maximum(std::span<const float> values) noexcept {
  std::array<float, kLanes> lanes;
  lanes.fill(-kInfinity);
  std::size_t i = 0;
  for (; i + kLanes <= values.size(); i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane)
      lanes[lane] = lanes[lane] > values[i + lane] ? lanes[lane] : values[i + lane];
  }
  float result = *std::max_element(lanes.begin(), lanes.end());
  for (; i < values.size(); ++i) result = std::max(result, values[i]);
  return result;
}

}  // namespace

double log_sum_exp(std::span<const float> logits) noexcept {
  const float largest = maximum(logits);
  if (largest == -kInfinity) return largest;
  double total = 0;
  std::size_t i = 0;
  while (i + kLanes <= logits.size()) {
    std::array<float, kLanes> lanes{};
    const std::size_t end = std::min(i + kBlock, logits.size() - logits.size() % kLanes);
    for (; i < end; i += kLanes) {
      for (std::size_t lane = 0; lane < kLanes; ++lane)
        lanes[lane] += exp_of_non_positive(logits[i + lane] - largest);
    }
    for (const float lane : lanes) total += lane;
  }
  for (; i < logits.size(); ++i) total += exp_of_non_positive(logits[i] - largest);
  return largest + std::log(total);
}

void log_softmax(std::span<float> logits) noexcept {
  const double normalizer = log_sum_exp(logits);
  if (std::isinf(normalizer)) return;
  const auto shift = static_cast<float>(normalizer);
  for (float& logit : logits) logit -= shift;
}

}  // namespace epicrisis
