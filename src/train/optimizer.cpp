#include "train/optimizer.hpp"

#include <ATen/ATen.h>
#include <cmath>

#include "train/adafactor.hpp"
#include "train/adam.hpp"
#include "train/composed_updates.hpp"
#include "train/kernels/cpu_kernels.hpp"
#include "train/ops/ops.hpp"
#include "train/ops/parallel.hpp"
#include "train/sgd.hpp"

namespace epicrisis::train {
namespace {

constexpr std::int64_t kSegment = std::int64_t{1} << 16;
}  // namespace

void Optimizer::step(at::Tensor& parameters, const at::Tensor& gradients, double learning_rate,
                     double gradient_scale) {
  ++steps_;
  update(parameters, gradients, learning_rate, gradient_scale);
}

std::unique_ptr<Optimizer> make_optimizer(const ParameterLayout& layout, const OptimizerSettings& settings) {
  switch (settings.kind) {
    case OptimizerKind::kAdam:
    case OptimizerKind::kAdamW:
      break;
    case OptimizerKind::kSgd:
      return std::make_unique<Sgd>(layout, settings);
    case OptimizerKind::kAdafactor:
      return std::make_unique<Adafactor>(layout, settings);
  }
  return std::make_unique<Adam>(layout, settings);
}

std::vector<ParameterSegment> trained_segments(const ParameterLayout& layout,
                                               const OptimizerSettings& settings) {
  std::vector<ParameterSegment> segments;
  for (const ParameterSlot& slot : layout.slots()) {
    if (!slot.trained) continue;
    const bool decays = settings.decay_bias_and_norm || !slot.is_bias_or_norm();
    for (std::int64_t begin = 0; begin < slot.count; begin += kSegment)
      segments.push_back({slot.offset + begin, slot.gradient_offset + begin,
                          std::min(kSegment, slot.count - begin), decays});
  }
  return segments;
}

double gradient_norm(const at::Tensor& gradients) {
  if (!ops::uses_kernels(gradients)) return composed::gradient_norm(gradients);
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
