#pragma once

#include <cstddef>

/// Norms of rows, as the other loops of cpu_kernels.hpp.
namespace epicrisis::train::kernels {

/// Layer normalization of rows (Ba et al. 2016). Keeps mean and 1 / standard deviation of each row for
/// backward.
void layer_norm(float* out, float* means, float* inverse_deviations, const float* x, const float* weight,
                const float* bias, std::size_t rows, std::size_t columns, float epsilon);
/// Writes the gradient of x; adds to those of weight and bias.
void layer_norm_backward(float* x_gradient, float* weight_gradient, float* bias_gradient,
                         const float* gradient, const float* x, const float* means,
                         const float* inverse_deviations, const float* weight, std::size_t rows,
                         std::size_t columns);

/// Each row divided by the root of its mean square plus epsilon, times weight (Zhang and Sennrich 2019).
/// Keeps the inverse of that root for backward.
void rms_norm(float* out, float* inverse_roots, const float* x, const float* weight, std::size_t rows,
              std::size_t columns, float epsilon);
/// Writes the gradient of x; adds to that of weight.
void rms_norm_backward(float* x_gradient, float* weight_gradient, const float* gradient, const float* x,
                       const float* inverse_roots, const float* weight, std::size_t rows,
                       std::size_t columns);

}  // namespace epicrisis::train::kernels
