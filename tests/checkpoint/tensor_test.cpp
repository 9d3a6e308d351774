#include "checkpoint/tensor.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>

namespace epicrisis {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::uint16_t narrow_one(float value, DType dtype, bool* fits = nullptr) {
  std::uint16_t out = 0;
  const bool ok =
      narrow_from_float32(std::span(&value, 1), dtype, std::as_writable_bytes(std::span(&out, 1)));
  if (fits != nullptr) *fits = ok;
  return out;
}

template <class T>
float widen_one(T bits, DType dtype) {
  float out = 0;
  widen_to_float32({dtype, {1}, std::as_bytes(std::span(&bits, 1))}, std::span(&out, 1));
  return out;
}

TEST(Tensor, NamesRoundTrip) {
  for (const DType dtype : {DType::kFloat32, DType::kFloat16, DType::kBFloat16, DType::kFloat64, DType::kInt8,
                            DType::kUInt8, DType::kInt16, DType::kInt32, DType::kInt64, DType::kBool}) {
    EXPECT_EQ(parse_dtype(to_string(dtype)), dtype);
  }
  EXPECT_EQ(parse_dtype("F8_E4M3"), std::nullopt);
  EXPECT_EQ(to_string(DType::kBFloat16), "BF16");
  EXPECT_EQ(size_bytes(DType::kBFloat16), 2U);
}

struct HalfCase {
  const char* name;
  std::uint16_t half;
  float value;
};
class Half : public ::testing::TestWithParam<HalfCase> {};

// IEEE 754-2008, binary16.
INSTANTIATE_TEST_SUITE_P(
    Values, Half,
    ::testing::Values(HalfCase{"one", 0x3C00, 1.0F}, HalfCase{"minus_two", 0xC000, -2.0F},
                      HalfCase{"largest", 0x7BFF, 65504.0F}, HalfCase{"smallest_normal", 0x0400, 0x1p-14F},
                      HalfCase{"largest_subnormal", 0x03FF, 1023 * 0x1p-24F},
                      HalfCase{"smallest", 0x0001, 0x1p-24F}, HalfCase{"minus_zero", 0x8000, -0.0F},
                      HalfCase{"third", 0x3555, 0.333251953125F}, HalfCase{"infinity", 0x7C00, kInfinity}),
    [](const auto& test) { return std::string(test.param.name); });

TEST_P(Half, WidensAndNarrows) {
  const HalfCase& c = GetParam();
  EXPECT_EQ(std::bit_cast<std::uint32_t>(widen_one(c.half, DType::kFloat16)),
            std::bit_cast<std::uint32_t>(c.value));
  EXPECT_EQ(narrow_one(c.value, DType::kFloat16), c.half);
}

TEST(Tensor, EveryHalfAndBFloat16SurvivesAWideningRoundTrip) {
  for (std::uint32_t i = 0; i <= 0xFFFF; ++i) {
    const auto bits = static_cast<std::uint16_t>(i);
    for (const DType dtype : {DType::kFloat16, DType::kBFloat16}) {
      const float widened = widen_one(bits, dtype);
      if (std::isnan(widened)) {
        EXPECT_TRUE(std::isnan(widen_one(narrow_one(widened, dtype), dtype)));
      } else {
        ASSERT_EQ(narrow_one(widened, dtype), bits) << to_string(dtype) << " " << i;
      }
    }
  }
}

TEST(Tensor, NarrowingRoundsToNearestTiesToEven) {
  EXPECT_EQ(narrow_one(1.0F + 0x1p-11F, DType::kFloat16), 0x3C00);      // a tie: to the even 1.0
  EXPECT_EQ(narrow_one(1.0F + 3 * 0x1p-11F, DType::kFloat16), 0x3C02);  // a tie: up to the even one
  EXPECT_EQ(narrow_one(1.0F + 0x1p-11F + 0x1p-20F, DType::kFloat16), 0x3C01);
  EXPECT_EQ(narrow_one(1.0F + 0x1p-8F, DType::kBFloat16), 0x3F80);
  EXPECT_EQ(narrow_one(1.0F + 3 * 0x1p-8F, DType::kBFloat16), 0x3F82);
  EXPECT_EQ(narrow_one(0x1p-25F, DType::kFloat16), 0x0000);  // half of the smallest: to even zero
  EXPECT_EQ(narrow_one(3 * 0x1p-25F, DType::kFloat16), 0x0002);
}

TEST(Tensor, NarrowingNeverStraysFurtherThanItsNeighbours) {
  std::mt19937 random(7);
  std::uniform_real_distribution<float> values(-4.0F, 4.0F);
  for (int i = 0; i < 20000; ++i) {
    const float value = values(random);
    for (const DType dtype : {DType::kFloat16, DType::kBFloat16}) {
      const std::uint16_t chosen = narrow_one(value, dtype);
      const float error = std::fabs(widen_one(chosen, dtype) - value);
      for (const int step : {-1, 1}) {
        const auto neighbour = static_cast<std::uint16_t>(chosen + step);
        if (((neighbour ^ chosen) & 0x8000) != 0) continue;  // wrapped past zero
        EXPECT_LE(error, std::fabs(widen_one(neighbour, dtype) - value)) << value;
      }
    }
  }
}

TEST(Tensor, NarrowingReportsFiniteValuesThatDoNotFit) {
  bool fits = true;
  narrow_one(65520.0F, DType::kFloat16, &fits);
  EXPECT_FALSE(fits);
  narrow_one(65519.0F, DType::kFloat16, &fits);
  EXPECT_TRUE(fits);
  narrow_one(kInfinity, DType::kFloat16, &fits);
  EXPECT_TRUE(fits);
  narrow_one(std::numeric_limits<float>::max(), DType::kBFloat16, &fits);
  EXPECT_FALSE(fits);
}

TEST(Tensor, WidensFloat64) { EXPECT_EQ(widen_one(1.0 / 3.0, DType::kFloat64), 1.0F / 3.0F); }

TEST(Tensor, SizesOfHostileShapesNeitherOverflowNorPassTheLimit) {
  const auto size = [](std::vector<std::int64_t> shape, std::uint64_t limit) {
    return checked_size_bytes(shape, 4, limit);
  };
  EXPECT_EQ(size({2, 3}, 24), 24U);
  EXPECT_EQ(size({2, 3}, 23), std::nullopt);
  EXPECT_EQ(size({1LL << 62, 1LL << 62}, 1000), std::nullopt);
  EXPECT_EQ(size({1LL << 62, 1LL << 62, 0}, 1000), 0U);
  EXPECT_EQ(size({-1, 4}, 1000), std::nullopt);
  EXPECT_EQ(size({}, 4), 4U);
  EXPECT_EQ(size({}, 3), std::nullopt);
  EXPECT_EQ((TensorView{DType::kFloat32, {1LL << 62, 1LL << 62, 0}, {}}.element_count()), 0);
}

}  // namespace
}  // namespace epicrisis
