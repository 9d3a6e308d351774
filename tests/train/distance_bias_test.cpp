#include "train/distance_bias.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace epicrisis::train {
namespace {

TEST(RelativeBucket, ShortDistancesHaveOneEach) {
  for (int distance = 0; distance < 16; ++distance) {
    EXPECT_EQ(relative_bucket(-distance, false, 32, 128), distance);
    EXPECT_EQ(relative_bucket(distance, false, 32, 128), 0) << "a decoder sees nothing after its query";
  }
  for (int distance = 1; distance < 8; ++distance) {
    EXPECT_EQ(relative_bucket(-distance, true, 32, 128), distance);
    EXPECT_EQ(relative_bucket(distance, true, 32, 128), 16 + distance);
  }
}

// exact + floor(log(d / exact) / log(max / exact) * (buckets - exact)), by hand.
TEST(RelativeBucket, LongOnesShareLogarithmically) {
  EXPECT_EQ(relative_bucket(-16, false, 32, 128), 16);
  EXPECT_EQ(relative_bucket(-18, false, 32, 128), 16);
  EXPECT_EQ(relative_bucket(-19, false, 32, 128), 17);
  EXPECT_EQ(relative_bucket(-32, false, 32, 128), 21);
  EXPECT_EQ(relative_bucket(-112, false, 32, 128), 30);
  EXPECT_EQ(relative_bucket(-113, false, 32, 128), 31);
  EXPECT_EQ(relative_bucket(-128, false, 32, 128), 31);
  EXPECT_EQ(relative_bucket(-100000, false, 32, 128), 31);
  EXPECT_EQ(relative_bucket(16, true, 32, 128), 16 + 10);
  EXPECT_EQ(relative_bucket(32, true, 32, 128), 16 + 12);
  EXPECT_EQ(relative_bucket(-128, true, 32, 128), 15);
}

TEST(AlibiSlopes, ArePowersOfTwoForAPowerOfTwoHeads) {
  const std::vector<float> slopes = alibi_slopes(8);
  for (int head = 0; head < 8; ++head)
    EXPECT_FLOAT_EQ(slopes[static_cast<std::size_t>(head)], std::exp2(-static_cast<float>(head + 1)));
}

TEST(AlibiSlopes, OtherHeadCountsTakeEverySecondOneOfTheNextPower) {
  const std::vector<float> slopes = alibi_slopes(6);
  ASSERT_EQ(slopes.size(), 6U);
  for (int head = 0; head < 4; ++head)
    EXPECT_FLOAT_EQ(slopes[static_cast<std::size_t>(head)], std::exp2(-2 * static_cast<float>(head + 1)));
  EXPECT_FLOAT_EQ(slopes[4], std::exp2(-1.0F));
  EXPECT_FLOAT_EQ(slopes[5], std::exp2(-3.0F));
}

}  // namespace
}  // namespace epicrisis::train
