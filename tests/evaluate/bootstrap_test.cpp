#include "evaluate/bootstrap.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace epicrisis::evaluate {
namespace {

TEST(Bootstrap, OfEqualValuesIsAPoint) {
  const Interval interval = bootstrap_mean(std::vector<double>(7, 0.25));
  EXPECT_DOUBLE_EQ(interval.low, 0.25);
  EXPECT_DOUBLE_EQ(interval.high, 0.25);
}

TEST(Bootstrap, OfNothingIsZero) {
  EXPECT_EQ(bootstrap_mean({}).low, 0);
  EXPECT_EQ(bootstrap_mean({}).high, 0);
}

TEST(Bootstrap, IsNearTheNormalIntervalOfAMean) {
  std::vector<double> values;
  for (int i = 0; i < 1000; ++i) values.push_back(i % 2);
  const Interval interval = bootstrap_mean(values, {.resamples = 4000});
  const double half_width = 1.96 * 0.5 / std::sqrt(1000.0);
  // The 2.5 % quantile of 4,000 draws has a standard error of about 0.042 standard deviations of the mean.
  const double tolerance = 5 * 0.042 * 0.5 / std::sqrt(1000.0) + 1e-3;
  EXPECT_NEAR(interval.low, 0.5 - half_width, tolerance);
  EXPECT_NEAR(interval.high, 0.5 + half_width, tolerance);
}

TEST(Bootstrap, DrawsTheSameRowsForTheSameSeed) {
  std::vector<double> values;
  std::vector<double> shifted;
  for (int i = 0; i < 31; ++i) {
    values.push_back(i * i % 17);
    shifted.push_back(values.back() + 1);
  }
  const Interval a = bootstrap_mean(values);
  const Interval b = bootstrap_mean(shifted);
  EXPECT_NEAR(b.low, a.low + 1, 1e-12);
  EXPECT_NEAR(b.high, a.high + 1, 1e-12);
  EXPECT_NE(bootstrap_mean(values, {.seed = 2}).low, a.low);
}

TEST(Bootstrap, GivesTheSameFiguresOnEveryPlatform) {
  const std::vector<double> values = {0, 1, 4, 9, 16};
  const Interval interval = bootstrap_mean(values);
  EXPECT_NEAR(interval.low, 1.4, 1e-9);
  EXPECT_NEAR(interval.high, 11.4, 1e-9);
}

}  // namespace
}  // namespace epicrisis::evaluate
