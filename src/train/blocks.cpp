#include "train/blocks.hpp"

#include <ATen/ATen.h>

namespace epicrisis::train {
namespace {

at::Tensor joined(const at::Tensor& whole, const std::vector<at::Tensor>& parts) {
  return parts.empty() || !at::GradMode::is_enabled() ? whole : at::cat(parts);
}

at::Tensor feed_forward(const Architecture& architecture, const at::Tensor& in,
                        const FeedForwardProjections& weights, DropoutSeeds& dropout) {
  const auto& [gate, up, down] = weights;
  if (!weights.is_adapted())
    return ops::feed_forward(in, {up.weight, up.bias, down.weight, down.bias, gate.weight, gate.bias},
                             architecture.activation, dropout.next(architecture.activation_dropout));
  at::Tensor hidden = project(in, up, dropout);
  hidden = gate.weight.defined() ? ops::activate(project(in, gate, dropout), architecture.activation) * hidden
                                 : ops::activate(hidden, architecture.activation);
  hidden = ops::dropout_add(hidden, {}, dropout.next(architecture.activation_dropout));
  return project(hidden, down, dropout);
}

}  // namespace

at::Tensor project(const at::Tensor& x, const Projection& projection, DropoutSeeds& dropout) {
  at::Tensor y = ops::linear(x, joined(projection.weight, projection.weight_parts),
                             joined(projection.bias, projection.bias_parts));
  for (const ops::LowRank& adapter : projection.adapters)
    y = ops::add_low_rank(y, ops::dropout_add(x, {}, dropout.next(static_cast<float>(adapter.dropout))),
                          adapter);
  return y;
}

at::Tensor feed_forward_block(const Architecture& architecture, const at::Tensor& x,
                              const LayerWeights& layer, DropoutSeeds& dropout) {
  return residual_block(architecture, x, layer.feed_forward_norm, dropout, [&](const at::Tensor& in) {
    return feed_forward(architecture, in, layer.feed_forward, dropout);
  });
}

}  // namespace epicrisis::train
