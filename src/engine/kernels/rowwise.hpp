#pragma once

#include <cstdint>
#include <limits>

#include "checkpoint/architecture.hpp"

namespace epicrisis::kernels {

// Kernels over one row of n contiguous float32 elements. As in matmul.hpp, the order of additions depends on
// n and the instruction set only.

/// y = (x - mean(x)) / sqrt(variance(x) + epsilon) * weight + bias; the variance is the biased one. y may be
/// x. Ba, Kiros and Hinton 2016, "Layer Normalization".
void layer_norm(const float* x, const float* weight, const float* bias, float epsilon, int n,
                float* y) noexcept;

/// y = x / sqrt(mean(x^2) + epsilon) * weight. y may be x. Zhang and Sennrich 2019, "Root Mean Square Layer
/// Normalization", without its bias.
void rms_norm(const float* x, const float* weight, float epsilon, int n, float* y) noexcept;

/// x[i] = exp(scale * x[i] + bias[i]) / sum over j of exp(scale * x[j] + bias[j]), computed relative to the
/// largest. bias: [n], or null for none. Precondition: n > 0, scale > 0, no NaN.
void softmax(float* x, float scale, const float* bias, int n) noexcept;

/// What a softmax over a row in tiles knows of the tiles it has seen.
struct SoftmaxState {
  float largest = -std::numeric_limits<float>::infinity();
  float sum = 0;  ///< Of exp(y - largest).
};
/// Takes the next tile: y[i] = scale * x[i] + bias[i], then x[i] = exp(y[i] - largest). What was computed of
/// earlier tiles is to be multiplied by the result, everything by 1 / sum at the end: Milakov and Gimelshein
/// 2018, "Online normalizer calculation for softmax". Precondition: as softmax().
float softmax_tile(float* x, float scale, const float* bias, int n, SoftmaxState& state) noexcept;

/// x[i] = activation(x[i]). kGelu is within 1e-6 of x * Phi(x); kGeluTanh is the tanh form of Hendrycks and
/// Gimpel 2016.
void activate(Activation activation, float* x, int n) noexcept;

/// y[i] = scale * x[i] + offset[i]: token embedding plus position. offset: [n], or null for none. y may be x.
void scale_add(const float* x, float scale, const float* offset, int n, float* y) noexcept;

/// y[i] *= x[i]: a gate.
void multiply(const float* x, int n, float* y) noexcept;

/// y[i] = the float32 value of the bfloat16 element whose bits are x[i]. Exact.
void widen_bfloat16(const std::uint16_t* x, int n, float* y) noexcept;

namespace reference {
void widen_bfloat16(const std::uint16_t* x, int n, float* y) noexcept;
void layer_norm(const float* x, const float* weight, const float* bias, float epsilon, int n,
                float* y) noexcept;
void rms_norm(const float* x, const float* weight, float epsilon, int n, float* y) noexcept;
void softmax(float* x, float scale, const float* bias, int n) noexcept;
float softmax_tile(float* x, float scale, const float* bias, int n, SoftmaxState& state) noexcept;
void activate(Activation activation, float* x, int n) noexcept;
void scale_add(const float* x, float scale, const float* offset, int n, float* y) noexcept;
void multiply(const float* x, int n, float* y) noexcept;
}  // namespace reference

}  // namespace epicrisis::kernels
