#include "engine/kernels/rowwise.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/kernels_fixture.hpp"

namespace epicrisis::kernels {
namespace {

using Rowwise = Kernels;

TEST_P(Rowwise, WideningBfloat16IsExact) {
  std::vector<std::uint16_t> bits;
  for (int i = 0; i < 0x7F80; i += 7) bits.push_back(static_cast<std::uint16_t>(i | (i % 2 << 15)));
  std::vector<float> simd(bits.size());
  std::vector<float> scalar(bits.size());
  widen_bfloat16(bits.data(), static_cast<int>(bits.size()), simd.data());
  reference::widen_bfloat16(bits.data(), static_cast<int>(bits.size()), scalar.data());
  EXPECT_EQ(simd, scalar);
}

TEST_P(Rowwise, LayerNormAgreesWithTheReference) {
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

TEST_P(Rowwise, RmsNormAgreesWithTheReference) {
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

TEST_P(Rowwise, SoftmaxAgreesWithTheReference) {
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

TEST_P(Rowwise, ActivationsAgreeWithTheReference) {
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

TEST_P(Rowwise, GeluIsWithinAMillionthOfItsValue) {
  std::vector<float> x;
  for (int i = -12000; i <= 12000; ++i) x.push_back(static_cast<float>(i) / 1000);
  std::vector<float> y = x;
  activate(Activation::kGelu, y.data(), static_cast<int>(y.size()));
  for (std::size_t i = 0; i < x.size(); ++i)
    ASSERT_NEAR(y[i], 0.5 * x[i] * std::erfc(-x[i] * std::sqrt(0.5)), 1e-6) << x[i];
}

TEST_P(Rowwise, ScaleAddAgreesWithTheReference) {
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

TEST_P(Rowwise, MultiplyAgreesWithTheReference) {
  const auto x = random_values(101, 10);
  std::vector<float> simd = random_values(101, 11);
  std::vector<float> scalar = simd;
  multiply(x.data(), 101, simd.data());
  reference::multiply(x.data(), 101, scalar.data());
  EXPECT_EQ(simd, scalar);
}

EPICRISIS_TEST_EVERY_TARGET(Rowwise);

}  // namespace
}  // namespace epicrisis::kernels
