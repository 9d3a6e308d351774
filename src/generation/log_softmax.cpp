#include "generation/log_softmax.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace epicrisis {
namespace {

/// So many that compilers vectorise the loop over them instead of unrolling it.
constexpr std::size_t kLanes = 64;
/// Terms summed in float, in pairs; blocks are summed in double. A power of two.
constexpr std::size_t kBlock = 1024;
constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// exp(x) for x <= 0, relative error below 2e-7, in operations that compilers vectorise: no branch, no
/// conversion that could trap. x = n ln 2 + r with |r| <= ln 2 / 2, then a Taylor polynomial of degree 7 in
/// r; ln 2 is split in two so that r is exact. Below -87 it stays exp(-87): nothing beside the largest
/// term, 1.
inline float exp_of_non_positive(float x) noexcept {
  constexpr float kSmallest = -87.0F;  // below it 2^n is no normal number
  constexpr float kLog2E = 1.44269504F;
  constexpr float kLn2High = 0.693359375F;
  constexpr float kLn2Low = -2.12194440e-4F;
  constexpr float kRoundToInteger = 12582912.0F;  // 1.5 * 2^23: adding it leaves no fraction bits
  const float clamped = x < kSmallest ? kSmallest : x;
  const float rounded = clamped * kLog2E + kRoundToInteger;
  const float n = rounded - kRoundToInteger;
  const float r = (clamped - n * kLn2High) - n * kLn2Low;
  float p = 1.0F / 5040.0F;
  p = p * r + 1.0F / 720.0F;
  p = p * r + 1.0F / 120.0F;
  p = p * r + 1.0F / 24.0F;
  p = p * r + 1.0F / 6.0F;
  p = p * r + 0.5F;
  p = p * r + 1.0F;
  p = p * r + 1.0F;
  // The low bits of `rounded` are n; moved to the exponent they are 2^n.
  const std::uint32_t power = (std::bit_cast<std::uint32_t>(rounded) + 127U) << 23;
  return p * std::bit_cast<float>(power);
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

/// Sums in pairs, halving the block until one is left: vectorised, and log2(kBlock) roundings at most.
float sum_of_block(std::array<float, kBlock>& terms) noexcept {
  for (std::size_t half = kBlock / 2; half > 0; half /= 2) {
    for (std::size_t i = 0; i < half; ++i) terms[i] += terms[i + half];
  }
  return terms[0];
}

}  // namespace

double log_sum_exp(std::span<const float> logits) noexcept {
  const float largest = maximum(logits);
  if (largest == -kInfinity) return largest;
  std::array<float, kBlock> terms;
  double total = 0;
  for (std::size_t begin = 0; begin < logits.size(); begin += kBlock) {
    const std::span<const float> block = logits.subspan(begin, std::min(kBlock, logits.size() - begin));
    for (std::size_t i = 0; i < block.size(); ++i) terms[i] = exp_of_non_positive(block[i] - largest);
    std::fill(terms.begin() + static_cast<std::ptrdiff_t>(block.size()), terms.end(), 0.0F);
    total += sum_of_block(terms);
  }
  return largest + std::log(total);
}

void log_softmax(std::span<float> logits) noexcept {
  const double normalizer = log_sum_exp(logits);
  if (std::isinf(normalizer)) return;
  const auto shift = static_cast<float>(normalizer);
  for (float& logit : logits) logit -= shift;
}

}  // namespace epicrisis
