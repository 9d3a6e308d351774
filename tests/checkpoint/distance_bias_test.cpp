#include "checkpoint/distance_bias.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <utility>

namespace epicrisis {
namespace {

struct BucketCase {
  int distance, bidirectional, causal;
};

// T5's own setting. Buckets of one side: as many exact ones as logarithmic ones; worked out by hand from the
// formula of the reference.
TEST(RelativeBuckets, T5Defaults) {
  const RelativeBuckets both{32, 128, true};
  const RelativeBuckets causal{32, 128, false};
  const BucketCase cases[] = {{0, 0, 0},      {-1, 1, 1},     {-7, 7, 7},    {-8, 8, 8},     {-15, 9, 15},
                              {-16, 10, 16},  {-18, 10, 16},  {-19, 10, 17}, {-31, 11, 21},  {-112, 15, 30},
                              {-113, 15, 31}, {-32, 12, 21},  {-64, 14, 26}, {-127, 15, 31}, {-128, 15, 31},
                              {1, 17, 0},     {8, 24, 0},     {16, 26, 0},   {63, 29, 0},    {64, 30, 0},
                              {128, 31, 0},   {100000, 31, 0}};
  for (const BucketCase& c : cases) {
    EXPECT_EQ(both.of(c.distance), c.bidirectional) << c.distance;
    EXPECT_EQ(causal.of(c.distance), c.causal) << c.distance;
  }
}

TEST(RelativeBuckets, StayInsideTheTableAndGrowWithTheDistance) {
  for (const bool bidirectional : {false, true}) {
    for (const auto& [count, farthest] : {std::pair{4, 3}, {9, 21}, {32, 128}, {33, 20}}) {
      const RelativeBuckets buckets{count, farthest, bidirectional};
      ASSERT_TRUE(buckets.valid()) << count;
      int last = 0;
      for (int distance = 0; distance < 300; ++distance) {
        const int bucket = buckets.of(-distance);
        EXPECT_GE(bucket, last) << "distance " << distance;
        EXPECT_LT(bucket, bidirectional ? count / 2 : count);
        EXPECT_LT(buckets.of(distance), count);
        last = bucket;
      }
    }
  }
}

TEST(RelativeBuckets, SettingsWithoutAValueAreNotValid) {
  EXPECT_FALSE((RelativeBuckets{0, 128, false}.valid()));
  EXPECT_FALSE((RelativeBuckets{1, 128, false}.valid()));
  EXPECT_FALSE((RelativeBuckets{3, 128, true}.valid()));
  EXPECT_FALSE((RelativeBuckets{32, 16, false}.valid())) << "the logarithm of 1 as divisor";
  EXPECT_FALSE((RelativeBuckets{32, 0, false}.valid()));
  EXPECT_TRUE((RelativeBuckets{32, 16, true}.valid()));
}

TEST(Alibi, SlopesOfAPowerOfTwoAreAGeometricSeries) {
  const std::vector<float> slopes = alibi_slopes(8);
  ASSERT_EQ(slopes.size(), 8U);
  for (int h = 0; h < 8; ++h)
    EXPECT_EQ(slopes[static_cast<std::size_t>(h)], std::exp2(-1.0F - static_cast<float>(h)));
  EXPECT_EQ(alibi_slopes(1), std::vector<float>{std::exp2(-8.0F)});
}

// Four heads have 2^-2, 2^-4, 2^-6, 2^-8; the rest every other slope of eight heads.
TEST(Alibi, OtherNumbersOfHeadsAddSlopesOfTheNextPower) {
  const std::vector<float> expected{0.25F, 0.0625F, 0.015625F, 0.00390625F, 0.5F, 0.125F, 0.03125F};
  EXPECT_EQ(alibi_slopes(7), expected);
}

}  // namespace
}  // namespace epicrisis
