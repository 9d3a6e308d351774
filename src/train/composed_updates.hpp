#pragma once

#include <ATen/core/Tensor.h>

#include <span>

#include "train/kernels/optimizer_kernels.hpp"
#include "train/optimizer.hpp"

/// Updates of parameters as operations of LibTorch, for devices that our kernels do not run on. Same formulas
/// as kernels/optimizer_kernels.hpp.
namespace epicrisis::train::composed {

/// Flat tensors of one device, as an Optimizer has them.
struct AdamTensors {
  at::Tensor parameters, gradients, first_moments, second_moments;
};
/// step: but for decay, which is of `settings`, as is whether it is decoupled. On CUDA devices LibTorch's
/// fused kernel (2.0 on). Scales the gradients in place. steps: updates, this one counted.
void adam_update(const AdamTensors& tensors, std::span<const ParameterSegment> segments,
                 const kernels::AdamStep& step, const OptimizerSettings& settings, std::int64_t steps);

/// parameters = (1 - learning_rate weight_decay) parameters - rate gradients.
void sgd_update(const at::Tensor& parameters, const at::Tensor& gradients,
                std::span<const ParameterSegment> segments, double learning_rate, double weight_decay,
                double gradient_scale);

struct AdafactorStep {
  double learning_rate = 0, decay = 0, gradient_scale = 1, keep = 1;
};
/// One matrix [rows, columns] and its moments [rows] and [columns] (Shazeer and Stern 2018).
void adafactor_matrix(const at::Tensor& parameters, const at::Tensor& gradients,
                      const at::Tensor& row_moments, const at::Tensor& column_moments,
                      const AdafactorStep& step);
/// One vector and its moments.
void adafactor_vector(const at::Tensor& parameters, const at::Tensor& gradients, const at::Tensor& moments,
                      const AdafactorStep& step);

double gradient_norm(const at::Tensor& gradients);

}  // namespace epicrisis::train::composed
