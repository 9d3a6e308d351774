#include "train/transformer_weights.hpp"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <utility>

namespace epicrisis::train {

ParameterViews::ParameterViews(const ParameterLayout& layout, at::Tensor parameters, at::Tensor gradients)
    : layout_(layout), parameters_(std::move(parameters)), gradients_(std::move(gradients)) {}

/// Slots `first` to `last`, which lie side by side and differ in their first dimension only, as one.
at::Tensor ParameterViews::leaf(const ParameterSlot& first, const ParameterSlot& last) const {
  const std::int64_t count = last.offset + last.count - first.offset;
  std::vector<std::int64_t> shape = first.shape;
  shape[0] = count / (first.count / shape[0]);
  at::Tensor parameter = parameters_.narrow(0, first.offset, count).view(shape);
  parameter.set_requires_grad(true);
  parameter.mutable_grad() = gradients_.narrow(0, first.offset, count).view(shape);
  return parameter;
}

at::Tensor ParameterViews::parameter(std::string_view name) const {
  const ParameterSlot* slot = layout_.find(name);
  return slot == nullptr ? at::Tensor() : leaf(*slot, *slot);
}

Projection ParameterViews::projection(const std::string& prefix, std::string_view first,
                                      std::string_view last) const {
  const auto part = [&](std::string_view suffix) {
    const ParameterSlot* begin = layout_.find(fmt::format("{}{}{}", prefix, first, suffix));
    const ParameterSlot* end = layout_.find(fmt::format("{}{}{}", prefix, last, suffix));
    return begin == nullptr ? at::Tensor() : leaf(*begin, *end);
  };
  return {part(".weight"), part(".bias")};
}

NormWeights ParameterViews::norm(const std::string& name) const {
  return {parameter(name + ".weight"), parameter(name + ".bias")};
}

LayerWeights ParameterViews::layer(const std::string& prefix) const {
  LayerWeights layer;
  const std::string self = prefix + "self_attention.", cross = prefix + "cross_attention.";
  const std::string inner = prefix + "feed_forward.";
  layer.self_attention_norm = norm(prefix + "self_attention_norm");
  layer.self_query_key_value = projection(self, "query", "value");
  layer.self_output = projection(self, "output", "output");
  layer.cross_attention_norm = norm(prefix + "cross_attention_norm");
  layer.cross_query = projection(cross, "query", "query");
  layer.cross_key_value = projection(cross, "key", "value");
  layer.cross_output = projection(cross, "output", "output");
  layer.feed_forward_norm = norm(prefix + "feed_forward_norm");
  const Projection gate = projection(inner, "gate", "gate");
  const Projection up = projection(inner, "up", "up");
  const Projection down = projection(inner, "down", "down");
  layer.feed_forward = {up.weight, up.bias, down.weight, down.bias, gate.weight, gate.bias};
  return layer;
}

StackWeights ParameterViews::stack(const std::string& name, int layers) const {
  StackWeights stack;
  stack.positions = parameter(name + ".positions.weight");
  stack.relative_bias = parameter(name + ".relative_bias.weight");
  stack.embedding_norm = norm(name + ".embedding_norm");
  for (int index = 0; index < layers; ++index)
    stack.layers.push_back(layer(fmt::format("{}.layers.{}.", name, index)));
  stack.final_norm = norm(name + ".final_norm");
  return stack;
}

}  // namespace epicrisis::train
