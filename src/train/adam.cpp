#include "train/adam.hpp"

#include <ATen/ATen.h>

#include <cmath>

#include "train/composed_updates.hpp"
#include "train/kernels/optimizer_kernels.hpp"
#include "train/ops/ops.hpp"
#include "train/ops/parallel.hpp"

namespace epicrisis::train {

Adam::Adam(const ParameterLayout& layout, const OptimizerSettings& settings)
    : settings_(settings),
      segments_(trained_segments(layout, settings)),
      first_moments_(at::zeros({layout.trained_total()}, settings.device)),
      second_moments_(at::zeros({layout.trained_total()}, settings.device)) {}

std::vector<OptimizerState> Adam::state() const {
  return {{"first_moments", first_moments_}, {"second_moments", second_moments_}};
}

void Adam::update(at::Tensor& parameters, const at::Tensor& gradients, double learning_rate,
                  double gradient_scale) {
  kernels::AdamStep step;
  step.learning_rate = static_cast<float>(learning_rate);
  step.beta1 = static_cast<float>(settings_.beta1);
  step.beta2 = static_cast<float>(settings_.beta2);
  step.one_minus_beta1 = static_cast<float>(1.0 - settings_.beta1);
  step.one_minus_beta2 = static_cast<float>(1.0 - settings_.beta2);
  step.epsilon = static_cast<float>(settings_.epsilon);
  const auto count = static_cast<double>(steps());
  step.first_correction = static_cast<float>(1.0 - std::pow(settings_.beta1, count));
  step.second_correction_sqrt = static_cast<float>(std::sqrt(1.0 - std::pow(settings_.beta2, count)));
  step.gradient_scale = static_cast<float>(gradient_scale);

  if (!ops::uses_kernels(parameters)) {
    composed::adam_update({parameters, gradients, first_moments_, second_moments_}, segments_, step,
                          settings_, steps());
    return;
  }
  for_each_task(static_cast<std::int64_t>(segments_.size()), [&](std::int64_t index) {
    const ParameterSegment& segment = segments_[static_cast<std::size_t>(index)];
    kernels::AdamStep own = step;
    const auto decay = static_cast<float>(segment.decays ? settings_.weight_decay : 0.0);
    (settings_.kind == OptimizerKind::kAdamW ? own.decoupled_decay : own.coupled_decay) = decay;
    kernels::adam_update(parameters.data_ptr<float>() + segment.offset,
                         gradients.data_ptr<float>() + segment.gradient_offset,
                         first_moments_.data_ptr<float>() + segment.gradient_offset,
                         second_moments_.data_ptr<float>() + segment.gradient_offset,
                         static_cast<std::size_t>(segment.count), own);
  });
}

}  // namespace epicrisis::train
