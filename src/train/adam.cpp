#include "train/adam.hpp"

#include <ATen/ATen.h>

#include <cmath>

#include "train/kernels/cpu_kernels.hpp"
#include "train/ops/parallel.hpp"

namespace epicrisis::train {
namespace {
constexpr std::int64_t kSegment = std::int64_t{1} << 16;
}

Adam::Adam(const ParameterLayout& layout, const AdamSettings& settings) : settings_(settings) {
  for (const ParameterSlot& slot : layout.slots()) {
    const bool decays = settings.decay_bias_and_norm || !slot.is_bias_or_norm();
    for (std::int64_t begin = 0; begin < slot.count; begin += kSegment)
      segments_.push_back({slot.offset + begin, std::min(kSegment, slot.count - begin), decays});
  }
  first_moments_ = at::zeros({layout.total()}, at::kFloat);
  second_moments_ = at::zeros({layout.total()}, at::kFloat);
}

void Adam::step(at::Tensor& parameters, const at::Tensor& gradients, double learning_rate,
                double gradient_scale) {
  ++steps_;
  kernels::AdamStep step;
  step.learning_rate = static_cast<float>(learning_rate);
  step.beta1 = static_cast<float>(settings_.beta1);
  step.beta2 = static_cast<float>(settings_.beta2);
  step.one_minus_beta1 = static_cast<float>(1.0 - settings_.beta1);
  step.one_minus_beta2 = static_cast<float>(1.0 - settings_.beta2);
  step.epsilon = static_cast<float>(settings_.epsilon);
  const auto count = static_cast<double>(steps_);
  step.first_correction = static_cast<float>(1.0 - std::pow(settings_.beta1, count));
  step.second_correction_sqrt = static_cast<float>(std::sqrt(1.0 - std::pow(settings_.beta2, count)));
  step.gradient_scale = static_cast<float>(gradient_scale);

  for_each_task(static_cast<std::int64_t>(segments_.size()), [&](std::int64_t index) {
    const Segment& segment = segments_[static_cast<std::size_t>(index)];
    kernels::AdamStep own = step;
    const auto decay = static_cast<float>(segment.decays ? settings_.weight_decay : 0.0);
    (settings_.kind == OptimizerKind::kAdamW ? own.decoupled_decay : own.coupled_decay) = decay;
    kernels::adam_update(
        parameters.data_ptr<float>() + segment.offset, gradients.data_ptr<float>() + segment.offset,
        first_moments_.data_ptr<float>() + segment.offset, second_moments_.data_ptr<float>() + segment.offset,
        static_cast<std::size_t>(segment.count), own);
  });
}

double gradient_norm(const at::Tensor& gradients) {
  const std::int64_t count = gradients.numel();
  std::vector<double> partial(static_cast<std::size_t>((count + kSegment - 1) / kSegment));
  for_each_block(count, kSegment, [&](std::int64_t begin, std::int64_t end) {
    partial[static_cast<std::size_t>(begin / kSegment)] =
        kernels::sum_of_squares(gradients.data_ptr<float>() + begin, static_cast<std::size_t>(end - begin));
  });
  double total = 0;
  for (const double sum : partial) total += sum;
  return std::sqrt(total);
}

}  // namespace epicrisis::train
