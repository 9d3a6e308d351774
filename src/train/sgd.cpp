#include "train/sgd.hpp"

#include "train/composed_updates.hpp"
#include "train/kernels/optimizer_kernels.hpp"
#include "train/ops/ops.hpp"
#include "train/ops/parallel.hpp"

namespace epicrisis::train {

Sgd::Sgd(const ParameterLayout& layout, const OptimizerSettings& settings)
    : weight_decay_(settings.weight_decay), segments_(trained_segments(layout, settings)) {}

void Sgd::update(at::Tensor& parameters, const at::Tensor& gradients, double learning_rate,
                 double gradient_scale) {
  if (!ops::uses_kernels(parameters)) {
    composed::sgd_update(parameters, gradients, segments_, learning_rate, weight_decay_, gradient_scale);
    return;
  }
  for_each_task(static_cast<std::int64_t>(segments_.size()), [&](std::int64_t index) {
    const ParameterSegment& segment = segments_[static_cast<std::size_t>(index)];
    const double keep = 1.0 - learning_rate * (segment.decays ? weight_decay_ : 0.0);
    kernels::descend(parameters.data_ptr<float>() + segment.offset,
                     gradients.data_ptr<float>() + segment.gradient_offset,
                     static_cast<std::size_t>(segment.count), static_cast<float>(keep),
                     static_cast<float>(learning_rate * gradient_scale));
  });
}

}  // namespace epicrisis::train
