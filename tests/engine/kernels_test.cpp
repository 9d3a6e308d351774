// Each vector kernel against its scalar reference, on every instruction set that this build and this
// processor have. Bounds are derived: u = 2^-24, and a sum of k products is off by at most gamma(k) * sum |a
// * b| (Higham 2002, section 3.1).
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "engine/kernels/attention.hpp"
#include "engine/kernels/matmul.hpp"
#include "engine/kernels/rowwise.hpp"
#include "engine/kernels/target_name.hpp"
#include "engine/kernels/targets.hpp"
//
#include <hwy/highway.h>

namespace epicrisis::kernels {
namespace {

constexpr double kUnit = 0x1p-24;
constexpr float kUntouched = 12345.0F;

double gamma(int k) { return k * kUnit / (1 - k * kUnit); }

std::vector<float> random_values(std::size_t count, std::uint32_t seed, float scale = 1.0F) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.0F, scale);
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

class Kernels : public ::testing::TestWithParam<std::int64_t> {
 protected:
  void SetUp() override {
    hwy::SetSupportedTargetsForTest(GetParam());
    ASSERT_EQ(target_name(), hwy::TargetName(GetParam()));
  }
  void TearDown() override { hwy::SetSupportedTargetsForTest(0); }
};

struct Product {
  int m, n, k;
};
const Product kProducts[] = {{1, 1, 1},     {1, 8, 64},   {1, 13, 100}, {2, 5, 7},   {3, 4, 8},
                             {4, 9, 12},    {5, 3, 31},   {6, 16, 16},  {7, 17, 33}, {12, 24, 48},
                             {13, 6, 1030}, {49, 10, 24}, {100, 4, 65}};

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
void expect_products_agree(const Product& size, bool transposed, bool with_bias, bool accumulate) {
  SCOPED_TRACE(testing::Message() << size.m << "x" << size.n << "x" << size.k << " bias " << with_bias
                                  << " accumulate " << accumulate);
  Operands simd(size, transposed);
  Operands scalar(size, transposed);
  for (Operands* operands : {&simd, &scalar}) {
    operands->args.bias = with_bias ? operands->bias.data() : nullptr;
    operands->args.accumulate = accumulate;
  }
  const std::vector<float> before = simd.c;
  (transposed ? matmul_nt : matmul_nn)(simd.args);
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

TEST_P(Kernels, MatMulNtAgreesWithTheReference) {
  for (const Product& size : kProducts) {
    for (const bool with_bias : {false, true})
      for (const bool accumulate : {false, true}) expect_products_agree(size, true, with_bias, accumulate);
  }
}

TEST_P(Kernels, MatMulNnAgreesWithTheReference) {
  for (const Product& size : kProducts) expect_products_agree(size, false, false, false);
}

// What keeps batch mates from changing a summary.
TEST_P(Kernels, ProductsOfARowHaveTheSameBitsAloneAndInABatch) {
  for (const bool transposed : {true, false}) {
    for (const Product& size : kProducts) {
      Operands batch(size, transposed);
      (transposed ? matmul_nt : matmul_nn)(batch.args);
      Operands alone(size, transposed);
      for (int i = 0; i < size.m; ++i) {
        for (int first = 0; first < size.n; first += 3) {
          MatMulArgs args = alone.args;
          args.a += i * args.a_stride;
          args.b += transposed ? first * args.b_stride : first;
          args.c += i * args.c_stride + first;
          args.m = 1;
          args.n = std::min(3, size.n - first);
          (transposed ? matmul_nt : matmul_nn)(args);
        }
      }
      EXPECT_EQ(batch.c, alone.c) << size.m << "x" << size.n << "x" << size.k;
    }
  }
}

// Also through tiles, stripes widened for many rows, and columns past the last.
TEST_P(Kernels, ProductsWithBfloat16HaveTheBitsOfTheirFloat32Values) {
  for (const Product& size : kProducts) {
    Operands wide(size, true);
    std::vector<std::uint16_t> bits;
    for (float& value : wide.b) {
      bits.push_back(static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(value) >> 16));
      widen_bfloat16(&bits.back(), 1, &value);
    }
    Operands narrow(size, true);
    narrow.args.b = nullptr;
    narrow.args.b_bfloat16 = bits.data();
    matmul_nt(wide.args);
    matmul_nt(narrow.args);
    EXPECT_EQ(narrow.c, wide.c) << size.m << "x" << size.n << "x" << size.k;
  }
}

TEST_P(Kernels, WideningBfloat16IsExact) {
  std::vector<std::uint16_t> bits;
  for (int i = 0; i < 0x7F80; i += 7) bits.push_back(static_cast<std::uint16_t>(i | (i % 2 << 15)));
  std::vector<float> simd(bits.size());
  std::vector<float> scalar(bits.size());
  widen_bfloat16(bits.data(), static_cast<int>(bits.size()), simd.data());
  reference::widen_bfloat16(bits.data(), static_cast<int>(bits.size()), scalar.data());
  EXPECT_EQ(simd, scalar);
}

TEST_P(Kernels, LayerNormAgreesWithTheReference) {
  for (const int n : {1, 7, 8, 48, 100, 1024}) {
    for (const float shift : {0.0F, 100.0F}) {
      std::vector<float> x = random_values(static_cast<std::size_t>(n), 5);
      for (float& value : x) value += shift;
      const auto weight = random_values(x.size(), 6);
      const auto bias = random_values(x.size(), 7);
      std::vector<float> simd(x.size());
      std::vector<float> scalar(x.size());
      layer_norm(x.data(), weight.data(), bias.data(), 1e-5F, n, simd.data());
      reference::layer_norm(x.data(), weight.data(), bias.data(), 1e-5F, n, scalar.data());
      double mean = 0;
      double largest = 0;
      for (const float value : x) {
        mean += value / n;
        largest = std::max(largest, static_cast<double>(std::abs(value)));
      }
      double variance = 1e-5;
      for (const float value : x) variance += (value - mean) * (value - mean) / n;
      const double scale = 1 / std::sqrt(variance);
      for (std::size_t i = 0; i < x.size(); ++i) {
        // The mean is off by gamma(n) * largest; that shifts an element, and the deviation by no more than as
        // much.
        const double unit = std::abs(x[i] - mean) * scale;
        const double shifted = gamma(n + 2) * largest * scale;
        const double bound = std::abs(weight[i]) * (shifted * (1 + unit) + gamma(n + 8) * unit) +
                             2 * kUnit * std::abs(scalar[i]) + 2 * kUnit * std::abs(bias[i]);
        ASSERT_NEAR(simd[i], scalar[i], bound) << "n " << n << " element " << i;
      }
    }
  }
}

TEST_P(Kernels, RmsNormAgreesWithTheReference) {
  for (const int n : {1, 7, 8, 48, 100, 1024}) {
    const auto x = random_values(static_cast<std::size_t>(n), 5, 3.0F);
    const auto weight = random_values(x.size(), 6);
    std::vector<float> simd(x.size());
    std::vector<float> scalar(x.size());
    rms_norm(x.data(), weight.data(), 1e-6F, n, simd.data());
    reference::rms_norm(x.data(), weight.data(), 1e-6F, n, scalar.data());
    // All squares are positive, so their sum is off by gamma(n) relatively, its root by half of that.
    for (std::size_t i = 0; i < x.size(); ++i)
      ASSERT_NEAR(simd[i], scalar[i], (gamma(n) / 2 + 8 * kUnit) * std::abs(scalar[i]))
          << "n " << n << " element " << i;
  }
}

/// Bound on the relative error of one probability: rounding of the exponent's argument, exp itself, sum and
/// quotient.
double softmax_bound(double argument, int n) { return (2 * std::abs(argument) + 8) * kUnit + gamma(n + 4); }

TEST_P(Kernels, SoftmaxAgreesWithTheReference) {
  for (const int n : {1, 3, 8, 17, 64, 1000}) {
    for (const float spread : {0.1F, 3.0F, 40.0F}) {
      for (const bool with_bias : {false, true}) {
        const auto x = random_values(static_cast<std::size_t>(n), 8, spread);
        const auto biases = random_values(x.size(), 15, spread);
        const float* bias = with_bias ? biases.data() : nullptr;
        std::vector<float> simd = x;
        std::vector<float> scalar = x;
        softmax(simd.data(), 0.7F, bias, n);
        reference::softmax(scalar.data(), 0.7F, bias, n);
        std::vector<double> exponents;
        double size = 0;  // of what is rounded before exp: only where the bias is added
        for (std::size_t i = 0; i < x.size(); ++i) {
          exponents.push_back(0.7 * x[i] + (with_bias ? biases[i] : 0.0F));
          if (with_bias) size = std::max(size, 0.7 * std::abs(x[i]) + std::abs(biases[i]));
        }
        const double largest = *std::max_element(exponents.begin(), exponents.end());
        for (std::size_t i = 0; i < x.size(); ++i) {
          const double bound = (softmax_bound(exponents[i] - largest, n) + 6 * size * kUnit) * scalar[i];
          ASSERT_NEAR(simd[i], scalar[i], bound + 2e-38) << "n " << n << " element " << i;
        }
      }
    }
  }
}

TEST_P(Kernels, ActivationsAgreeWithTheReference) {
  std::vector<float> x = random_values(1003, 9, 4.0F);
  x.insert(x.end(), {0.0F, -0.0F, 1e-20F, -1e-20F, 60.0F, -60.0F});
  const int n = static_cast<int>(x.size());
  for (const Activation activation :
       {Activation::kRelu, Activation::kGelu, Activation::kGeluTanh, Activation::kSilu}) {
    std::vector<float> simd = x;
    std::vector<float> scalar = x;
    activate(activation, simd.data(), n);
    reference::activate(activation, scalar.data(), n);
    for (std::size_t i = 0; i < x.size(); ++i) {
      // relu is exact. The others are x times a factor in [0, 1]: its error is that of exp's argument and,
      // for gelu, of the rational approximation of erf (1.5e-7).
      const double argument = std::max(1.0, 1.6 * std::abs(x[i]) * (1 + 0.045 * x[i] * x[i]));
      const double factor = activation == Activation::kGelu ? 1e-7 + 16 * kUnit : 0.0;
      const double bound = activation == Activation::kRelu
                               ? 0.0
                               : std::abs(x[i]) * factor + (4 * argument + 16) * kUnit * std::abs(scalar[i]) +
                                     1e-38 * (1 + std::abs(x[i]));
      ASSERT_NEAR(simd[i], scalar[i], bound)
          << "activation " << static_cast<int>(activation) << " of " << x[i];
    }
  }
}

TEST_P(Kernels, GeluIsWithinAMillionthOfItsValue) {
  std::vector<float> x;
  for (int i = -12000; i <= 12000; ++i) x.push_back(static_cast<float>(i) / 1000);
  std::vector<float> y = x;
  activate(Activation::kGelu, y.data(), static_cast<int>(y.size()));
  for (std::size_t i = 0; i < x.size(); ++i)
    ASSERT_NEAR(y[i], 0.5 * x[i] * std::erfc(-x[i] * std::sqrt(0.5)), 1e-6) << x[i];
}

TEST_P(Kernels, ScaleAddAgreesWithTheReference) {
  const auto x = random_values(101, 10);
  const auto offsets = random_values(101, 11);
  for (const bool with_offset : {false, true}) {
    const float* offset = with_offset ? offsets.data() : nullptr;
    std::vector<float> simd = x;  // in place
    std::vector<float> scalar(x.size());
    scale_add(simd.data(), 6.5F, offset, 101, simd.data());
    reference::scale_add(x.data(), 6.5F, offset, 101, scalar.data());
    for (std::size_t i = 0; i < x.size(); ++i)
      ASSERT_NEAR(simd[i], scalar[i], 2 * kUnit * (6.5 * std::abs(x[i]) + std::abs(offsets[i])));
  }
}

TEST_P(Kernels, MultiplyAgreesWithTheReference) {
  const auto x = random_values(101, 10);
  std::vector<float> simd = random_values(101, 11);
  std::vector<float> scalar = simd;
  multiply(x.data(), 101, simd.data());
  reference::multiply(x.data(), 101, scalar.data());
  EXPECT_EQ(simd, scalar);
}

/// Positions [length][key, value][head_dim], laid out in the order `places`.
struct CachedPositions {
  CachedPositions(int length, int head_dim, bool reversed)
      : memory(random_values(static_cast<std::size_t>(2 * length * head_dim), 12)) {
    std::vector<float> original = memory;
    for (int t = 0; t < length; ++t) {
      const int place = reversed ? length - 1 - t : t;
      std::copy_n(original.data() + 2 * t * head_dim, 2 * head_dim, memory.data() + 2 * place * head_dim);
      pointers.push_back(memory.data() + 2 * place * head_dim);
    }
  }
  std::vector<float> memory;
  std::vector<const float*> pointers;
};

CachedAttentionArgs attention_args(const std::vector<float>& query, const CachedPositions& cached,
                                   std::vector<float>& scores, std::vector<float>& out) {
  CachedAttentionArgs args;
  args.query = query.data();
  args.positions = cached.pointers.data();
  args.key_offset = 0;
  args.value_offset = static_cast<std::ptrdiff_t>(query.size());
  args.length = static_cast<int>(cached.pointers.size());
  args.head_dim = static_cast<int>(query.size());
  args.scale = 0.3F;
  args.scores = scores.data();
  args.out = out.data();
  return args;
}

void expect_attention_agrees(int head_dim, int length, const float* bias) {
  SCOPED_TRACE(testing::Message() << "Dh " << head_dim << " length " << length << " bias "
                                  << (bias != nullptr));
  const CachedPositions cached(length, head_dim, false);
  const auto query = random_values(static_cast<std::size_t>(head_dim), 13);
  std::vector<float> simd(query.size());
  std::vector<float> scalar(query.size());
  std::vector<float> probabilities(static_cast<std::size_t>(length));
  std::vector<float> scratch(static_cast<std::size_t>(length));
  CachedAttentionArgs args = attention_args(query, cached, scratch, simd);
  args.bias = bias;
  cached_attention(args);
  args = attention_args(query, cached, probabilities, scalar);
  args.bias = bias;
  reference::cached_attention(args);
  double score_error = 0;  // of the largest score, scaled
  double score_size = 0;
  for (int t = 0; t < length; ++t) {
    const float* position = cached.pointers[static_cast<std::size_t>(t)];
    double sum = 0;
    for (int d = 0; d < head_dim; ++d)
      sum += std::abs(static_cast<double>(query[static_cast<std::size_t>(d)]) * position[d]);
    const double biased = 0.3 * sum + (bias != nullptr ? std::abs(bias[t]) : 0.0F);
    score_error = std::max(score_error, 0.3 * gamma(head_dim) * sum + 2 * kUnit * biased);
    score_size = std::max(score_size, 2 * biased);
  }
  // Errors of two scores move a probability by their sum at most (to first order).
  const double relative = 2.1 * score_error + softmax_bound(score_size, length) + gamma(length + 1);
  for (int d = 0; d < head_dim; ++d) {
    double magnitude = 0;
    for (int t = 0; t < length; ++t)
      magnitude += probabilities[static_cast<std::size_t>(t)] *
                   std::abs(cached.pointers[static_cast<std::size_t>(t)][head_dim + d]);
    const auto at = static_cast<std::size_t>(d);
    ASSERT_NEAR(simd[at], scalar[at], relative * magnitude) << "element " << d;
  }
}

TEST_P(Kernels, CachedAttentionAgreesWithTheReference) {
  const auto bias = random_values(130, 16, 3.0F);
  for (const int head_dim : {1, 12, 16, 64, 72, 128}) {
    for (const int length : {1, 3, 4, 9, 130}) {
      expect_attention_agrees(head_dim, length, nullptr);
      expect_attention_agrees(head_dim, length, bias.data());
    }
  }
}

TEST_P(Kernels, CachedAttentionDoesNotDependOnWherePositionsLie) {
  for (const int head_dim : {12, 64}) {
    const CachedPositions in_order(50, head_dim, false);
    const CachedPositions reversed(50, head_dim, true);
    const auto query = random_values(static_cast<std::size_t>(head_dim), 14);
    std::vector<float> scores(50);
    std::vector<float> first(query.size());
    std::vector<float> second(query.size());
    cached_attention(attention_args(query, in_order, scores, first));
    cached_attention(attention_args(query, reversed, scores, second));
    EXPECT_EQ(first, second);
  }
}

INSTANTIATE_TEST_SUITE_P(EveryTarget, Kernels, ::testing::ValuesIn(hwy::SupportedAndGeneratedTargets()),
                         [](const auto& instance) { return std::string(hwy::TargetName(instance.param)); });

}  // namespace
}  // namespace epicrisis::kernels
