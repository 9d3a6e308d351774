#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "engine/kernels/target_name.hpp"
#include "engine/kernels/targets.hpp"
//
#include <hwy/highway.h>

// What the tests of kernels share. Each vector kernel is held to its scalar reference, on every instruction
// set that this build and this processor have. Bounds are derived: u = 2^-24, and a sum of k products is off
// by at most gamma(k) * sum |a * b| (Higham 2002, section 3.1).
namespace epicrisis::kernels {

inline constexpr double kUnit = 0x1p-24;

inline double gamma(int k) { return k * kUnit / (1 - k * kUnit); }

/// Bound on the relative error of one probability: rounding of the exponent's argument, exp itself, sum and
/// quotient.
inline double softmax_bound(double argument, int n) {
  return (2 * std::abs(argument) + 8) * kUnit + gamma(n + 4);
}

inline std::vector<float> random_values(std::size_t count, std::uint32_t seed, float scale = 1.0F) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.0F, scale);
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

/// One instruction set.
class Kernels : public ::testing::TestWithParam<std::int64_t> {
 protected:
  void SetUp() override {
    hwy::SetSupportedTargetsForTest(GetParam());
    ASSERT_EQ(target_name(), hwy::TargetName(GetParam()));
  }
  void TearDown() override { hwy::SetSupportedTargetsForTest(0); }
};

/// Runs the tests of `suite`, derived from Kernels, on every instruction set.
#define EPICRISIS_TEST_EVERY_TARGET(suite)                                          \
  INSTANTIATE_TEST_SUITE_P(                                                         \
      EveryTarget, suite, ::testing::ValuesIn(hwy::SupportedAndGeneratedTargets()), \
      [](const auto& instance) { return std::string(hwy::TargetName(instance.param)); })

}  // namespace epicrisis::kernels
