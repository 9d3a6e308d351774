#include "engine/kernels/bfloat16_matmul.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "engine/kernels/cpu_extensions.hpp"
#include "engine/kernels/packed_matmul.hpp"
#include "engine/kernels/rowwise.hpp"
#include "engine/kernels_fixture.hpp"

namespace epicrisis::kernels {
namespace {

using Bfloat16Rounding = Kernels;

std::vector<std::uint16_t> rounded(const std::vector<float>& values) {
  std::vector<std::uint16_t> bits(values.size());
  reference::round_to_bfloat16(values.data(), static_cast<int>(values.size()), bits.data());
  return bits;
}

float value_of(std::uint16_t bits) {
  float value = 0;
  widen_bfloat16(&bits, 1, &value);
  return value;
}

TEST_P(Bfloat16Rounding, HasTheBitsOfTheReference) {
  std::vector<float> values = random_values(1001, 1);
  values[3] = std::numeric_limits<float>::infinity();
  values[4] = std::numeric_limits<float>::quiet_NaN();
  values[5] = std::numeric_limits<float>::max();
  values[6] = -1e-42F;
  values[7] = 1.00390625F;  // half way between 1 and 1.0078125: to even
  values[8] = 1.01171875F;  // half way between 1.0078125 and 1.015625
  std::vector<std::uint16_t> bits(values.size());
  round_to_bfloat16(values.data(), static_cast<int>(values.size()), bits.data());
  EXPECT_EQ(bits, rounded(values));
  EXPECT_TRUE(std::isnan(value_of(bits[4])));
  EXPECT_TRUE(std::isinf(value_of(bits[5])));
  EXPECT_EQ(value_of(bits[7]), 1.0F);
  EXPECT_EQ(value_of(bits[8]), 1.015625F);
}

EPICRISIS_TEST_EVERY_TARGET(Bfloat16Rounding);

struct Product {
  int m, n, k;
};
const Product kProducts[] = {{1, 1, 1},   {1, 13, 100}, {2, 5, 7},     {3, 4, 32},  {6, 16, 64},
                             {7, 17, 33}, {12, 24, 48}, {13, 6, 2100}, {49, 10, 24}};

/// Random operands; rows of c stand two elements apart.
struct Operands {
  explicit Operands(const Product& size)
      : a(rounded(random_values(static_cast<std::size_t>(size.m * size.k), 1))),
        b(rounded(random_values(static_cast<std::size_t>(size.n * size.k), 2))),
        bias(random_values(static_cast<std::size_t>(size.n), 3)),
        c(random_values(static_cast<std::size_t>(size.m * (size.n + 2)), 4)) {
    args = {a.data(), size.k, b.data(), size.k, c.data(), size.n + 2, size.m, size.n, size.k, nullptr, false};
  }
  std::vector<std::uint16_t> a, b;
  std::vector<float> bias, c;
  Bfloat16MatMulArgs args;
};

using Multiply = void (*)(const Bfloat16MatMulArgs&);

void multiply_packed(const Bfloat16MatMulArgs& args) {
  static std::vector<float> scratch(kPackedScratch);
  matmul_bfloat16_packed(args, scratch.data());
}

/// Those that multiply with this K.
std::vector<Multiply> products_of(int k) {
  if (k % 2 == 0) return {matmul_bfloat16, multiply_packed};
  return {matmul_bfloat16};
}

void expect_products_agree(Multiply multiply, const Product& size, bool with_bias, bool accumulate) {
  SCOPED_TRACE(testing::Message() << size.m << "x" << size.n << "x" << size.k);
  Operands simd(size);
  Operands scalar(size);
  for (Operands* operands : {&simd, &scalar}) {
    operands->args.bias = with_bias ? operands->bias.data() : nullptr;
    operands->args.accumulate = accumulate;
  }
  const std::vector<float> before = simd.c;
  multiply(simd.args);
  reference::matmul_bfloat16(scalar.args);
  for (int i = 0; i < size.m; ++i) {
    for (int j = 0; j < size.n + 2; ++j) {
      const auto at = static_cast<std::size_t>(i * (size.n + 2) + j);
      if (j >= size.n) {
        ASSERT_EQ(simd.c[at], before[at]) << "written past a row";
        continue;
      }
      double magnitude = std::abs(before[at]) + std::abs(simd.bias[static_cast<std::size_t>(j)]);
      for (int p = 0; p < size.k; ++p)
        magnitude +=
            std::abs(static_cast<double>(value_of(simd.a[static_cast<std::size_t>(i * size.k + p)])) *
                     value_of(simd.b[static_cast<std::size_t>(j * size.k + p)]));
      ASSERT_NEAR(simd.c[at], scalar.c[at], gamma(size.k + 3) * magnitude) << i << " " << j;
    }
  }
}

class Bfloat16MatMul : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!cpu_extensions().bfloat16) GTEST_SKIP() << "this processor has no bfloat16 products";
  }
};

TEST_F(Bfloat16MatMul, AgreesWithTheReference) {
  for (const Product& size : kProducts) {
    for (const Multiply multiply : products_of(size.k)) {
      for (const bool with_bias : {false, true})
        for (const bool accumulate : {false, true})
          expect_products_agree(multiply, size, with_bias, accumulate);
    }
  }
}

TEST_F(Bfloat16MatMul, ARowHasTheSameBitsAloneAndInABatch) {
  for (const Product& size : kProducts) {
    for (const Multiply multiply : products_of(size.k)) {
      Operands batch(size);
      multiply(batch.args);
      Operands alone(size);
      for (int i = 0; i < size.m; ++i) {
        for (int first = 0; first < size.n; first += 3) {
          Bfloat16MatMulArgs args = alone.args;
          args.a += i * args.a_stride;
          args.b += first * args.b_stride;
          args.c += i * args.c_stride + first;
          args.m = 1;
          args.n = std::min(3, size.n - first);
          multiply(args);
        }
      }
      EXPECT_EQ(batch.c, alone.c) << size.m << "x" << size.n << "x" << size.k;
    }
  }
}

}  // namespace
}  // namespace epicrisis::kernels
