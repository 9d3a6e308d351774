#include "train/composed_updates.hpp"

#include <ATen/ATen.h>
#include <torch/version.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace epicrisis::train::composed {
namespace {

constexpr double kAdafactorEpsilon = 1e-30;
constexpr double kClipThreshold = 1.0;

/// Segments that continue each other as one: few large operations instead of many.
std::vector<ParameterSegment> joined(std::span<const ParameterSegment> segments) {
  std::vector<ParameterSegment> runs;
  for (const ParameterSegment& segment : segments) {
    const bool continues = !runs.empty() && runs.back().decays == segment.decays &&
                           runs.back().offset + runs.back().count == segment.offset &&
                           runs.back().gradient_offset + runs.back().count == segment.gradient_offset;
    if (continues)
      runs.back().count += segment.count;
    else
      runs.push_back(segment);
  }
  return runs;
}

AdamTensors parts_of(const AdamTensors& all, const ParameterSegment& run) {
  const auto own = [&](const at::Tensor& tensor) { return tensor.narrow(0, run.gradient_offset, run.count); };
  return {all.parameters.narrow(0, run.offset, run.count), own(all.gradients), own(all.first_moments),
          own(all.second_moments)};
}

void adam_of_run(const AdamTensors& parts, const kernels::AdamStep& step) {
  at::Tensor gradients = parts.gradients;
  if (step.decoupled_decay != 0)
    parts.parameters.mul_(1.0 - static_cast<double>(step.learning_rate) * step.decoupled_decay);
  if (step.coupled_decay != 0) gradients = gradients.add(parts.parameters, step.coupled_decay);
  parts.first_moments.mul_(step.beta1).add_(gradients, step.one_minus_beta1);
  parts.second_moments.mul_(step.beta2).addcmul_(gradients, gradients, step.one_minus_beta2);
  const at::Tensor divisor = parts.second_moments.sqrt().div_(step.second_correction_sqrt).add_(step.epsilon);
  parts.parameters.addcdiv_(parts.first_moments, divisor, -step.learning_rate / step.first_correction);
}

void clipped_descent(const at::Tensor& parameters, at::Tensor update, const AdafactorStep& step) {
  const at::Tensor root_mean_square = update.square().mean().sqrt();
  update.div_(root_mean_square.div_(kClipThreshold).clamp_min_(1.0));
  at::Tensor(parameters).mul_(step.keep).sub_(update, step.learning_rate);
}

#if TORCH_VERSION_MAJOR >= 2
/// The runs that decay, or those that do not.
void fused_adam(const AdamTensors& tensors, const std::vector<ParameterSegment>& runs, bool decays,
                double learning_rate, const OptimizerSettings& settings, std::int64_t steps) {
  std::vector<at::Tensor> parameters, gradients, first, second, counts;
  const at::Tensor count = at::full({}, static_cast<double>(steps), tensors.gradients.options());
  for (const ParameterSegment& run : runs) {
    if (run.decays != decays) continue;
    const AdamTensors parts = parts_of(tensors, run);
    parameters.push_back(parts.parameters);
    gradients.push_back(parts.gradients);
    first.push_back(parts.first_moments);
    second.push_back(parts.second_moments);
    counts.push_back(count);
  }
  if (parameters.empty()) return;
  const auto update = [&](auto fused) {
    fused(parameters, gradients, first, second, at::TensorList(), counts, learning_rate, settings.beta1,
          settings.beta2, decays ? settings.weight_decay : 0.0, settings.epsilon, false, false, c10::nullopt,
          c10::nullopt);
  };
  const auto adamw = [](auto&&... arguments) { at::_fused_adamw_(arguments...); };
  const auto adam = [](auto&&... arguments) { at::_fused_adam_(arguments...); };
  settings.kind == OptimizerKind::kAdamW ? update(adamw) : update(adam);
}
#endif

}  // namespace

void adam_update(const AdamTensors& tensors, std::span<const ParameterSegment> segments,
                 const kernels::AdamStep& step, const OptimizerSettings& settings,
                 [[maybe_unused]] std::int64_t steps) {
  const at::NoGradGuard no_gradients;
  if (step.gradient_scale != 1.0F) at::Tensor(tensors.gradients).mul_(step.gradient_scale);
  const std::vector<ParameterSegment> runs = joined(segments);
#if TORCH_VERSION_MAJOR >= 2
  if (tensors.gradients.is_cuda()) {
    for (const bool decays : {true, false})
      fused_adam(tensors, runs, decays, step.learning_rate, settings, steps);
    return;
  }
#endif
  for (const ParameterSegment& run : runs) {
    kernels::AdamStep own = step;
    const auto decay = static_cast<float>(run.decays ? settings.weight_decay : 0.0);
    (settings.kind == OptimizerKind::kAdamW ? own.decoupled_decay : own.coupled_decay) = decay;
    adam_of_run(parts_of(tensors, run), own);
  }
}

void sgd_update(const at::Tensor& parameters, const at::Tensor& gradients,
                std::span<const ParameterSegment> segments, double learning_rate, double weight_decay,
                double gradient_scale) {
  const at::NoGradGuard no_gradients;
  for (const ParameterSegment& run : joined(segments)) {
    const at::Tensor own = parameters.narrow(0, run.offset, run.count);
    if (run.decays && weight_decay != 0) own.mul_(1.0 - learning_rate * weight_decay);
    own.sub_(gradients.narrow(0, run.gradient_offset, run.count), learning_rate * gradient_scale);
  }
}

void adafactor_matrix(const at::Tensor& parameters, const at::Tensor& gradients,
                      const at::Tensor& row_moments, const at::Tensor& column_moments,
                      const AdafactorStep& step) {
  const at::NoGradGuard no_gradients;
  const at::Tensor scaled = gradients * step.gradient_scale;
  const at::Tensor squares = scaled.square().add_(kAdafactorEpsilon);
  at::Tensor(row_moments).mul_(step.decay).add_(squares.mean(1), 1.0 - step.decay);
  at::Tensor(column_moments).mul_(step.decay).add_(squares.mean(0), 1.0 - step.decay);
  const at::Tensor rows = (row_moments / row_moments.mean()).rsqrt().unsqueeze(1);
  clipped_descent(parameters, scaled * rows * column_moments.rsqrt().unsqueeze(0), step);
}

void adafactor_vector(const at::Tensor& parameters, const at::Tensor& gradients, const at::Tensor& moments,
                      const AdafactorStep& step) {
  const at::NoGradGuard no_gradients;
  const at::Tensor scaled = gradients * step.gradient_scale;
  at::Tensor(moments).mul_(step.decay).add_(scaled.square().add_(kAdafactorEpsilon), 1.0 - step.decay);
  clipped_descent(parameters, scaled * moments.rsqrt(), step);
}

double gradient_norm(const at::Tensor& gradients) {
  return at::linalg_vector_norm(gradients, 2, c10::nullopt, false, at::kDouble).item<double>();
}

}  // namespace epicrisis::train::composed
