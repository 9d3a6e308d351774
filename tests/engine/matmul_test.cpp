#include "engine/kernels/matmul.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

#include "engine/kernels/packed_matmul.hpp"
#include "engine/kernels/rowwise.hpp"
#include "engine/kernels_fixture.hpp"

namespace epicrisis::kernels {
namespace {

using MatMul = Kernels;

constexpr float kUntouched = 12345.0F;

struct Product {
  int m, n, k;
};
const Product kProducts[] = {{1, 1, 1},     {1, 8, 64},   {1, 13, 100}, {2, 5, 7},    {3, 4, 8},
                             {4, 9, 12},    {5, 3, 31},   {6, 16, 16},  {7, 17, 33},  {12, 24, 48},
                             {13, 6, 1030}, {49, 10, 24}, {100, 4, 65}, {9, 150, 130}};

enum class Kind { kNt, kPacked, kNn };

bool is_transposed(Kind kind) { return kind != Kind::kNn; }

void multiply(Kind kind, const MatMulArgs& args) {
  static std::vector<float> scratch(kPackedScratch);
  switch (kind) {
    case Kind::kNt:
      return matmul_nt(args);
    case Kind::kPacked:
      return matmul_nt_packed(args, scratch.data());
    case Kind::kNn:
      return matmul_nn(args);
  }
}

/// Random operands with rows further apart than they are wide.
struct Operands {
  Operands(const Product& size, bool transposed)
      : a(random_values(static_cast<std::size_t>(size.m * (size.k + 3)), 1)),
        b(random_values(static_cast<std::size_t>((size.n + 5) * (size.k + 5)), 2)),
        bias(random_values(static_cast<std::size_t>(size.n), 3)),
        c(random_values(static_cast<std::size_t>(size.m * (size.n + 2)), 4)) {
    for (int i = 0; i < size.m; ++i)
      for (int j = size.n; j < size.n + 2; ++j)
        c[static_cast<std::size_t>(i * (size.n + 2) + j)] = kUntouched;
    args.a = a.data();
    args.a_stride = size.k + 3;
    args.b = b.data();
    args.b_stride = transposed ? size.k + 5 : size.n + 5;
    args.c = c.data();
    args.c_stride = size.n + 2;
    args.m = size.m;
    args.n = size.n;
    args.k = size.k;
  }
  std::vector<float> a, b, bias, c;
  MatMulArgs args;
};

/// Runs both versions on equal operands and compares them within the bound for k products and what is added.
void expect_products_agree(const Product& size, Kind kind, bool with_bias, bool accumulate) {
  const bool transposed = is_transposed(kind);
  SCOPED_TRACE(testing::Message() << size.m << "x" << size.n << "x" << size.k << " bias " << with_bias
                                  << " accumulate " << accumulate);
  Operands simd(size, transposed);
  Operands scalar(size, transposed);
  for (Operands* operands : {&simd, &scalar}) {
    operands->args.bias = with_bias ? operands->bias.data() : nullptr;
    operands->args.accumulate = accumulate;
  }
  const std::vector<float> before = simd.c;
  multiply(kind, simd.args);
  (transposed ? reference::matmul_nt : reference::matmul_nn)(scalar.args);
  for (int i = 0; i < size.m; ++i) {
    for (int j = 0; j < size.n; ++j) {
      const auto at = static_cast<std::size_t>(i * (size.n + 2) + j);
      double magnitude = (with_bias ? std::abs(simd.bias[static_cast<std::size_t>(j)]) : 0.0) +
                         (accumulate ? std::abs(before[at]) : 0.0);
      for (int p = 0; p < size.k; ++p) {
        const float b =
            transposed ? simd.args.b[j * simd.args.b_stride + p] : simd.args.b[p * simd.args.b_stride + j];
        magnitude += std::abs(static_cast<double>(simd.args.a[i * simd.args.a_stride + p]) * b);
      }
      ASSERT_NEAR(simd.c[at], scalar.c[at], gamma(size.k + 3) * magnitude) << "row " << i << " column " << j;
    }
    for (int j = size.n; j < size.n + 2; ++j)
      ASSERT_EQ(simd.c[static_cast<std::size_t>(i * (size.n + 2) + j)], kUntouched) << "written past a row";
  }
}

TEST_P(MatMul, MatMulNtAgreesWithTheReference) {
  for (const Kind kind : {Kind::kNt, Kind::kPacked}) {
    for (const Product& size : kProducts) {
      for (const bool with_bias : {false, true})
        for (const bool accumulate : {false, true}) expect_products_agree(size, kind, with_bias, accumulate);
    }
  }
}

TEST_P(MatMul, MatMulNnAgreesWithTheReference) {
  for (const Product& size : kProducts) expect_products_agree(size, Kind::kNn, false, false);
}

// What keeps batch mates from changing a summary.
TEST_P(MatMul, ProductsOfARowHaveTheSameBitsAloneAndInABatch) {
  for (const Kind kind : {Kind::kNt, Kind::kPacked, Kind::kNn}) {
    const bool transposed = is_transposed(kind);
    for (const Product& size : kProducts) {
      Operands batch(size, transposed);
      multiply(kind, batch.args);
      Operands alone(size, transposed);
      for (int i = 0; i < size.m; ++i) {
        for (int first = 0; first < size.n; first += 3) {
          MatMulArgs args = alone.args;
          args.a += i * args.a_stride;
          args.b += transposed ? first * args.b_stride : first;
          args.c += i * args.c_stride + first;
          args.m = 1;
          args.n = std::min(3, size.n - first);
          multiply(kind, args);
        }
      }
      EXPECT_EQ(batch.c, alone.c) << size.m << "x" << size.n << "x" << size.k;
    }
  }
}

// Also through tiles, stripes widened for many rows, and columns past the last.
TEST_P(MatMul, ProductsWithBfloat16HaveTheBitsOfTheirFloat32Values) {
  for (const Kind kind : {Kind::kNt, Kind::kPacked, Kind::kNn}) {
    const bool transposed = is_transposed(kind);
    for (const Product& size : kProducts) {
      Operands wide(size, transposed);
      std::vector<std::uint16_t> bits;
      for (float& value : wide.b) {
        bits.push_back(static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(value) >> 16));
        widen_bfloat16(&bits.back(), 1, &value);
      }
      Operands narrow(size, transposed);
      narrow.args.b = nullptr;
      narrow.args.b_bfloat16 = bits.data();
      multiply(kind, wide.args);
      multiply(kind, narrow.args);
      EXPECT_EQ(narrow.c, wide.c) << size.m << "x" << size.n << "x" << size.k;
    }
  }
}

EPICRISIS_TEST_EVERY_TARGET(MatMul);

}  // namespace
}  // namespace epicrisis::kernels
