#include "engine/kernels/int8_matmul.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "engine/kernels/cpu_extensions.hpp"
#include "engine/kernels_fixture.hpp"

namespace epicrisis::kernels {
namespace {

using Int8MatMul = Kernels;

/// A matrix [out, in] as panels.
struct PackedMatrix {
  PackedMatrix(const std::vector<float>& rows, int in, int out)
      : weights(static_cast<std::size_t>(panel_count(out) * panel_depth(in) * kPanelOutputs * kPanelInputs)),
        scales(static_cast<std::size_t>(panel_count(out) * kPanelOutputs)),
        offsets(scales.size()) {
    std::vector<std::uint8_t> scratch(static_cast<std::size_t>(16 * 4 * panel_depth(in)));
    for (int panel = 0; panel < panel_count(out); ++panel) {
      const int first = panel * kPanelOutputs;
      pack_int8_panel(rows.data() + first * in, std::min(kPanelOutputs, out - first), in,
                      weights.data() + panel * panel_depth(in) * 64, scales.data() + first,
                      offsets.data() + first, scratch.data());
    }
    view = {weights.data(), scales.data(), offsets.data(), in, out};
  }
  std::vector<std::int8_t> weights;
  std::vector<float> scales;
  std::vector<std::int32_t> offsets;
  Int8Panels view;
};

/// Rows of activations, quantised.
struct QuantizedRows {
  QuantizedRows(const std::vector<float>& values, int rows, int in)
      : stride(4 * panel_depth(in)), bytes(static_cast<std::size_t>(rows * stride)) {
    for (int i = 0; i < rows; ++i)
      scales.push_back(quantize_row(values.data() + i * in, in, bytes.data() + i * stride));
  }
  int stride;
  std::vector<std::uint8_t> bytes;
  std::vector<float> scales;
};

struct Product {
  int m, n, k, first, count;
};
const Product kProducts[] = {{1, 1, 1, 0, 1},     {1, 64, 64, 0, 64},    {2, 70, 33, 3, 50},
                             {5, 16, 128, 0, 16}, {6, 130, 100, 20, 97}, {7, 48, 67, 16, 32},
                             {13, 27, 29, 9, 9},  {40, 101, 70, 0, 101}};

/// Operands of a product; `extreme`: every weight and activation at the end of its range, which a sum of
/// int16 pairs would not hold.
struct Operands {
  Operands(const Product& size, bool extreme)
      : rows(random_values(static_cast<std::size_t>(size.n * size.k), 1)),
        inputs(random_values(static_cast<std::size_t>(size.m * size.k), 2)),
        bias(random_values(static_cast<std::size_t>(size.count), 3)),
        c(random_values(static_cast<std::size_t>(size.m * size.count), 4)) {
    if (extreme) {
      std::fill(rows.begin(), rows.end(), -3.0F);
      std::fill(inputs.begin(), inputs.end(), 2.0F);
    }
  }
  std::vector<float> rows, inputs, bias, c;
};

void expect_same_bits(const Product& size, bool extreme, bool with_bias, bool accumulate) {
  SCOPED_TRACE(testing::Message() << size.m << "x" << size.n << "x" << size.k << " from " << size.first);
  Operands operands(size, extreme);
  const PackedMatrix matrix(operands.rows, size.k, size.n);
  const QuantizedRows quantized(operands.inputs, size.m, size.k);
  std::vector<float> expected = operands.c;
  Int8MatMulArgs args;
  args.a = quantized.bytes.data();
  args.a_stride = quantized.stride;
  args.a_scales = quantized.scales.data();
  args.b = matrix.view;
  args.first = size.first;
  args.n = size.count;
  args.c = operands.c.data();
  args.c_stride = size.count;
  args.m = size.m;
  args.bias = with_bias ? operands.bias.data() : nullptr;
  args.accumulate = accumulate;
  matmul_int8(args);
  args.c = expected.data();
  reference::matmul_int8(args);
  ASSERT_EQ(operands.c, expected);
}

TEST_P(Int8MatMul, HasTheBitsOfTheReference) {
  for (const Product& size : kProducts)
    for (const bool extreme : {false, true})
      for (const bool with_bias : {false, true})
        for (const bool accumulate : {false, true}) expect_same_bits(size, extreme, with_bias, accumulate);
}

TEST_P(Int8MatMul, HasTheSameBitsWithoutDotProductInstructions) {
  limit_cpu_extensions_for_test({});
  for (const Product& size : kProducts) expect_same_bits(size, false, true, false);
  expect_same_bits(kProducts[4], true, true, false);
  limit_cpu_extensions_for_test({true, true});
}

// The error of one product is at most half a step of each operand, and rounding.
TEST_P(Int8MatMul, ApproximatesTheProductOfTheValues) {
  const Product size{3, 40, 300, 0, 40};
  Operands operands(size, false);
  const PackedMatrix matrix(operands.rows, size.k, size.n);
  const QuantizedRows quantized(operands.inputs, size.m, size.k);
  std::vector<float> c(static_cast<std::size_t>(size.m * size.n));
  matmul_int8({.a = quantized.bytes.data(),
               .a_stride = quantized.stride,
               .a_scales = quantized.scales.data(),
               .b = matrix.view,
               .n = size.n,
               .c = c.data(),
               .c_stride = size.n,
               .m = size.m});
  for (int i = 0; i < size.m; ++i) {
    for (int j = 0; j < size.n; ++j) {
      double product = 0;
      double bound = 1e-4;
      const double half_a = 0.501 * quantized.scales[static_cast<std::size_t>(i)];
      const double half_b = 0.501 * matrix.scales[static_cast<std::size_t>(j)];
      for (int p = 0; p < size.k; ++p) {
        const double a = operands.inputs[static_cast<std::size_t>(i * size.k + p)];
        const double b = operands.rows[static_cast<std::size_t>(j * size.k + p)];
        product += a * b;
        bound += std::abs(a) * half_b + std::abs(b) * half_a + half_a * half_b;
      }
      ASSERT_NEAR(c[static_cast<std::size_t>(i * size.n + j)], product, bound) << i << " " << j;
    }
  }
}

TEST_P(Int8MatMul, RowsAreQuantisedAsByTheReference) {
  for (const int n : {1, 3, 4, 7, 16, 31, 100}) {
    for (const float scale : {1.0F, 1e-30F, 1e30F}) {
      const std::vector<float> x = random_values(static_cast<std::size_t>(n), 5, scale);
      std::vector<std::uint8_t> q(static_cast<std::size_t>(4 * panel_depth(n)), 7);
      std::vector<std::uint8_t> expected = q;
      EXPECT_EQ(quantize_row(x.data(), n, q.data()), reference::quantize_row(x.data(), n, expected.data()));
      EXPECT_EQ(q, expected);
    }
  }
}

TEST_P(Int8MatMul, RowsWithoutAScaleAreNothingOrNoNumbers) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  std::vector<std::uint8_t> q(20, 7);
  const std::vector<std::uint8_t> zeros(20, kInt8Zero);
  std::vector<float> x(19, 0.0F);
  EXPECT_EQ(quantize_row(x.data(), 19, q.data()), 0.0F);
  EXPECT_EQ(q, zeros);
  x[7] = 1e-40F;
  EXPECT_EQ(quantize_row(x.data(), 19, q.data()), 0.0F);
  EXPECT_EQ(q, zeros);
  for (const float broken : {kInfinity, -kInfinity, std::numeric_limits<float>::quiet_NaN()}) {
    for (const std::size_t place : {0UL, 18UL}) {
      x.assign(19, 1.0F);
      x[place] = broken;
      EXPECT_TRUE(std::isnan(quantize_row(x.data(), 19, q.data())));
      EXPECT_EQ(q, zeros);
    }
  }
}

EPICRISIS_TEST_EVERY_TARGET(Int8MatMul);

}  // namespace
}  // namespace epicrisis::kernels
