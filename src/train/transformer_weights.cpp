#include "train/transformer_weights.hpp"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace epicrisis::train {

ParameterViews::ParameterViews(const ParameterLayout& layout, at::Tensor parameters, at::Tensor gradients)
    : layout_(layout), parameters_(std::move(parameters)), gradients_(std::move(gradients)) {}

/// Empty when the architecture has no such parameters.
ParameterViews::Slots ParameterViews::between(std::string_view first, std::string_view last) const {
  const ParameterSlot* begin = layout_.find(first);
  return begin == nullptr ? Slots() : Slots(begin, layout_.find(last) + 1);
}

/// `slots`, which lie side by side and differ in their first dimension only, as one; it requires a gradient
/// if all of them are trained.
at::Tensor ParameterViews::leaf(Slots slots) const {
  if (slots.empty()) return {};
  std::vector<std::int64_t> shape = slots.front().shape;
  shape[0] = 0;
  std::int64_t count = 0;
  for (const ParameterSlot& slot : slots) {
    shape[0] += slot.shape[0];
    count += slot.count;
  }
  at::Tensor parameter = parameters_.narrow(0, slots.front().offset, count).view(shape);
  if (!std::all_of(slots.begin(), slots.end(), [](const ParameterSlot& slot) { return slot.trained; }))
    return parameter;
  parameter.set_requires_grad(true);
  parameter.mutable_grad() = gradients_.narrow(0, slots.front().gradient_offset, count).view(shape);
  trained_leaves_.push_back(parameter);
  return parameter;
}

at::Tensor ParameterViews::parameter(std::string_view name) const { return leaf(between(name, name)); }

std::vector<at::Tensor> ParameterViews::parts(Slots slots) const {
  const auto trained =
      std::count_if(slots.begin(), slots.end(), [](const ParameterSlot& slot) { return slot.trained; });
  std::vector<at::Tensor> leaves;
  if (trained == 0 || trained == std::ssize(slots)) return leaves;
  for (std::size_t i = 0; i < slots.size(); ++i) leaves.push_back(leaf(slots.subspan(i, 1)));
  return leaves;
}

std::vector<ops::LowRank> ParameterViews::adapters(Slots slots) const {
  std::vector<ops::LowRank> found;
  std::int64_t row = 0;
  for (const ParameterSlot& slot : slots) {
    for (const LowRankAdapter& adapter : layout_.adapters())
      if (adapter.targets.front() == slot.name)
        found.push_back({parameter(adapter.a), parameter(adapter.b), row, adapter.scale, adapter.dropout});
    row += slot.shape[0];
  }
  return found;
}

Projection ParameterViews::projection(const std::string& prefix, std::string_view first,
                                      std::string_view last) const {
  const auto slots_of = [&](std::string_view suffix) {
    return between(fmt::format("{}{}{}", prefix, first, suffix), fmt::format("{}{}{}", prefix, last, suffix));
  };
  const Slots weights = slots_of(".weight"), biases = slots_of(".bias");
  return {leaf(weights), leaf(biases), parts(weights), parts(biases), adapters(weights)};
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
  layer.feed_forward = {projection(inner, "gate", "gate"), projection(inner, "up", "up"),
                        projection(inner, "down", "down")};
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
