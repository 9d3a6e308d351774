// Every kernel as plainly as it can be written, with double accumulators: what the vector versions are held
// to, and what runs on a processor that Highway has no vectors for.
#include <algorithm>
#include <bit>
#include <cmath>

#include "engine/kernels/attention.hpp"
#include "engine/kernels/bfloat16_matmul.hpp"
#include "engine/kernels/matmul.hpp"
#include "engine/kernels/rowwise.hpp"

namespace epicrisis::kernels::reference {
namespace {

double activated(Activation activation, double x) {
  switch (activation) {
    case Activation::kRelu:
      return std::max(x, 0.0);
    case Activation::kGelu:
      return 0.5 * x * (1.0 + std::erf(x * std::sqrt(0.5)));
    case Activation::kGeluTanh: {  // (1 + tanh(u)) / 2 as a logistic function, which does not cancel.
      const double u = std::sqrt(2.0 / std::acos(-1.0)) * (x + 0.044715 * x * x * x);
      return x / (1.0 + std::exp(-2.0 * u));
    }
    case Activation::kSilu:
      return x / (1.0 + std::exp(-x));
  }
  return x;
}

double value_of_bfloat16(std::uint16_t bits) {
  float element = 0;
  widen_bfloat16(&bits, 1, &element);
  return element;
}

float element_of_b(const MatMulArgs& args, std::ptrdiff_t at) {
  if (args.b_bfloat16 == nullptr) return args.b[at];
  float element = 0;
  widen_bfloat16(args.b_bfloat16 + at, 1, &element);
  return element;
}

}  // namespace

void widen_bfloat16(const std::uint16_t* x, int n, float* y) noexcept {
  for (int i = 0; i < n; ++i) y[i] = std::bit_cast<float>(static_cast<std::uint32_t>(x[i]) << 16);
}

void matmul_nt(const MatMulArgs& args) noexcept {
  for (int i = 0; i < args.m; ++i) {
    for (int j = 0; j < args.n; ++j) {
      double sum = args.bias != nullptr ? args.bias[j] : 0.0;
      for (int p = 0; p < args.k; ++p)
        sum += static_cast<double>(args.a[i * args.a_stride + p]) * element_of_b(args, j * args.b_stride + p);
      float& c = args.c[i * args.c_stride + j];
      c = static_cast<float>(args.accumulate ? c + sum : sum);
    }
  }
}

void round_to_bfloat16(const float* x, int n, std::uint16_t* y) noexcept {
  for (int i = 0; i < n; ++i) {
    const auto bits = std::bit_cast<std::uint32_t>(x[i]);
    const std::uint32_t rounded = bits + 0x7FFFU + ((bits >> 16) & 1U);  // a carry moves to the exponent
    y[i] = static_cast<std::uint16_t>((std::isnan(x[i]) ? bits | 0x400000U : rounded) >> 16);
  }
}

void matmul_bfloat16(const Bfloat16MatMulArgs& args) noexcept {
  for (int i = 0; i < args.m; ++i) {
    for (int j = 0; j < args.n; ++j) {
      double sum = args.bias != nullptr ? args.bias[j] : 0.0;
      for (int p = 0; p < args.k; ++p)
        sum += value_of_bfloat16(args.a[i * args.a_stride + p]) *
               value_of_bfloat16(args.b[j * args.b_stride + p]);
      float& c = args.c[i * args.c_stride + j];
      c = static_cast<float>(args.accumulate ? c + sum : sum);
    }
  }
}

void matmul_nn(const MatMulArgs& args) noexcept {
  for (int i = 0; i < args.m; ++i) {
    for (int j = 0; j < args.n; ++j) {
      double sum = 0;
      for (int p = 0; p < args.k; ++p)
        sum += static_cast<double>(args.a[i * args.a_stride + p]) * element_of_b(args, p * args.b_stride + j);
      args.c[i * args.c_stride + j] = static_cast<float>(sum);
    }
  }
}

void layer_norm(const float* x, const float* weight, const float* bias, float epsilon, int n,
                float* y) noexcept {
  double mean = 0;
  for (int i = 0; i < n; ++i) mean += x[i];
  mean /= n;
  double variance = 0;
  for (int i = 0; i < n; ++i) variance += (x[i] - mean) * (x[i] - mean);
  variance /= n;
  const double scale = 1.0 / std::sqrt(variance + epsilon);
  for (int i = 0; i < n; ++i) y[i] = static_cast<float>((x[i] - mean) * scale * weight[i] + bias[i]);
}

void rms_norm(const float* x, const float* weight, float epsilon, int n, float* y) noexcept {
  double squares = 0;
  for (int i = 0; i < n; ++i) squares += static_cast<double>(x[i]) * x[i];
  const double scale = 1.0 / std::sqrt(squares / n + epsilon);
  for (int i = 0; i < n; ++i) y[i] = static_cast<float>(x[i] * scale * weight[i]);
}

void softmax(float* x, float scale, const float* bias, int n) noexcept {
  const auto exponent = [&](int i) {
    return static_cast<double>(scale) * x[i] + (bias != nullptr ? bias[i] : 0.0F);
  };
  double largest = exponent(0);
  for (int i = 1; i < n; ++i) largest = std::max(largest, exponent(i));
  double sum = 0;
  for (int i = 0; i < n; ++i) sum += std::exp(exponent(i) - largest);
  for (int i = 0; i < n; ++i) x[i] = static_cast<float>(std::exp(exponent(i) - largest) / sum);
}

float softmax_tile(float* x, float scale, const float* bias, int n, SoftmaxState& state) noexcept {
  float largest = state.largest;
  for (int i = 0; i < n; ++i) {
    x[i] = scale * x[i] + (bias != nullptr ? bias[i] : 0.0F);
    largest = std::max(largest, x[i]);
  }
  const float factor = std::exp(state.largest - largest);
  double sum = static_cast<double>(state.sum) * factor;
  for (int i = 0; i < n; ++i) {
    x[i] = std::exp(x[i] - largest);
    sum += x[i];
  }
  state = {largest, static_cast<float>(sum)};
  return factor;
}

void activate(Activation activation, float* x, int n) noexcept {
  for (int i = 0; i < n; ++i) x[i] = static_cast<float>(activated(activation, x[i]));
}

void scale_add(const float* x, float scale, const float* offset, int n, float* y) noexcept {
  for (int i = 0; i < n; ++i) {
    const double sum = static_cast<double>(scale) * x[i] + (offset != nullptr ? offset[i] : 0.0F);
    y[i] = static_cast<float>(sum);
  }
}

void multiply(const float* x, int n, float* y) noexcept {
  for (int i = 0; i < n; ++i) y[i] *= x[i];
}

void cached_attention(const CachedAttentionArgs& args) noexcept {
  for (int t = 0; t < args.length; ++t) {
    double sum = 0;
    for (int d = 0; d < args.head_dim; ++d)
      sum += static_cast<double>(args.query[d]) * args.positions[t][args.key_offset + d];
    args.scores[t] = static_cast<float>(sum);
  }
  softmax(args.scores, args.scale, args.bias, args.length);
  for (int d = 0; d < args.head_dim; ++d) {
    double sum = 0;
    for (int t = 0; t < args.length; ++t)
      sum += static_cast<double>(args.scores[t]) * args.positions[t][args.value_offset + d];
    args.out[d] = static_cast<float>(sum);
  }
}

}  // namespace epicrisis::kernels::reference
