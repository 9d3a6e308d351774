#pragma once

#include <cstdint>

#include "checkpoint/architecture.hpp"

namespace epicrisis::kernels {

// Kernels over one row of n contiguous float32 elements. As in matmul.hpp, the order of additions depends on
// n and the instruction set only.

/// y = (x - mean(x)) / sqrt(variance(x) + epsilon) * weight + bias; the variance is the biased one. y may be
/// x. Ba, Kiros and Hinton 2016, "Layer Normalization".
void layer_norm(const float* x, const float* weight, const float* bias, float epsilon, int n,
                float* y) noexcept;

/// x[i] = exp(scale * x[i]) / sum over j of exp(scale * x[j]), computed relative to the largest.
/// Precondition: n > 0, scale > 0, no NaN.
void softmax(float* x, float scale, int n) noexcept;

/// x[i] = activation(x[i]). kGelu is exact to 5e-7 absolute; kGeluTanh is the tanh form of Hendrycks and
/// Gimpel 2016.
void activate(Activation activation, float* x, int n) noexcept;

/// y[i] = scale * x[i] + offset[i]: token embedding plus position.
void scale_add(const float* x, float scale, const float* offset, int n, float* y) noexcept;

/// y[i] = the float32 value of the bfloat16 element whose bits are x[i]. Exact.
void widen_bfloat16(const std::uint16_t* x, int n, float* y) noexcept;

namespace reference {
void widen_bfloat16(const std::uint16_t* x, int n, float* y) noexcept;
void layer_norm(const float* x, const float* weight, const float* bias, float epsilon, int n,
                float* y) noexcept;
void softmax(float* x, float scale, int n) noexcept;
void activate(Activation activation, float* x, int n) noexcept;
void scale_add(const float* x, float scale, const float* offset, int n, float* y) noexcept;
}  // namespace reference

}  // namespace epicrisis::kernels
