#pragma once

#include <cstddef>

/// Updates of parameters, as the other loops of cpu_kernels.hpp.
namespace epicrisis::train::kernels {

/// One Adam or AdamW update (Kingma and Ba 2015; Loshchilov and Hutter 2019) of `count` parameters.
struct AdamStep {
  float learning_rate = 0;
  float beta1 = 0.9F;
  float beta2 = 0.999F;
  float one_minus_beta1 = 0.1F;  ///< Given, since 1 - 0.999 loses half its digits in float32.
  float one_minus_beta2 = 0.001F;
  float epsilon = 1e-8F;
  float first_correction = 1;        ///< 1 - beta1^t
  float second_correction_sqrt = 1;  ///< sqrt(1 - beta2^t)
  float decoupled_decay = 0;         ///< AdamW: parameters shrink by learning_rate * this first.
  float coupled_decay = 0;           ///< Adam: this times the parameter is added to its gradient.
  float gradient_scale = 1;          ///< Clipping.
};
void adam_update(float* parameters, const float* gradients, float* first_moments, float* second_moments,
                 std::size_t count, const AdamStep& step);

/// parameters = keep * parameters - rate * gradients.
void descend(float* parameters, const float* gradients, std::size_t count, float keep, float rate);

/// Of one row of a matrix, for Adafactor (Shazeer and Stern 2018). sums[i] += (scale x[i])^2 + epsilon;
/// returns the sum of what was added.
float add_squares(float* sums, const float* x, std::size_t count, float scale, float epsilon);
/// Sum of (x[i] factors[i])^2.
float sum_of_product_squares(const float* x, const float* factors, std::size_t count);
/// parameters = keep * parameters - rate * gradients * factors.
void descend_by_columns(float* parameters, const float* gradients, const float* factors, std::size_t count,
                        float keep, float rate);

}  // namespace epicrisis::train::kernels
