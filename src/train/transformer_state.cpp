// What a Transformer takes in and gives out: new, loaded and saved parameters.
#include <ATen/ATen.h>
#include <fmt/format.h>

#include <memory>
#include <string>

#include "train/transformer.hpp"

namespace epicrisis::train {
namespace {

Error shape_error(std::string_view name, const TensorView* tensor,
                  const std::vector<std::int64_t>& expected) {
  if (tensor == nullptr)
    return Error{ErrorCode::kCorrupt, "The checkpoint lacks a tensor that its config.json asks for.",
                 fmt::format("tensor {}", name)};
  return Error{ErrorCode::kCorrupt, "The checkpoint's weights disagree with its config.json.",
               fmt::format("tensor {}: [{}] in the file, [{}] by config.json", name,
                           fmt::join(tensor->shape, ", "), fmt::join(expected, ", "))};
}

/// `tensor` as a float32 LibTorch tensor of its own.
at::Tensor copied(const TensorView& tensor) {
  at::Tensor copy = at::empty(tensor.shape, at::kFloat);
  widen_to_float32(tensor, {copy.data_ptr<float>(), static_cast<std::size_t>(copy.numel())});
  return copy;
}

/// On the CPU wherever the parameters lie, so that a seed means the same on all devices.
void draw(const ParameterSlot& slot, const at::Tensor& parameters, at::Generator& generator) {
  const at::Tensor target = parameters.narrow(0, slot.offset, slot.count);
  const at::Tensor values = target.is_cpu() ? target : at::empty({slot.count}, at::kFloat);
  switch (slot.initial) {
    case InitialValue::kZero:
      values.zero_();
      break;
    case InitialValue::kOne:
      values.fill_(1.0);
      break;
    case InitialValue::kNormal:
    case InitialValue::kEmbedding:
      values.normal_(0.0, slot.deviation, generator);
      break;
    case InitialValue::kUniform:
      values.uniform_(-slot.deviation, slot.deviation, generator);
      break;
  }
  if (!target.is_cpu()) at::Tensor(target).copy_(values);
}

}  // namespace

Transformer Transformer::copy_on(const at::Device& device) const {
  const at::NoGradGuard no_gradients;
  Transformer copy(architecture_, layout_, device);
  copy.parameters_.copy_(parameters_);
  if (positions_given_) {
    copy.encoder_.positions = encoder_.positions.to(device);
    copy.decoder_.positions = decoder_.positions.to(device);
  }
  if (output_bias_.defined()) copy.output_bias_ = output_bias_.to(device);
  copy.bfloat16_ = bfloat16_;
  copy.positions_given_ = positions_given_;
  return copy;
}

void Transformer::initialise(std::uint64_t seed) {
  auto generator = at::detail::createCPUGenerator(seed);
  for (const ParameterSlot& slot : layout_.model_slots()) draw(slot, parameters_, generator);
  if (architecture_.padding_row_fixed) {
    const ParameterSlot& embedding = layout_.slot("shared_embedding.weight");
    parameters_.narrow(0, embedding.offset, embedding.count)
        .view(embedding.shape)[architecture_.pad_token_id]
        .zero_();
  }
}

void Transformer::initialise_adapters(std::uint64_t seed) {
  auto generator = at::detail::createCPUGenerator(seed);
  for (const ParameterSlot& slot : layout_.adapter_slots()) draw(slot, parameters_, generator);
}

Result<void> Transformer::load(const Weights& weights) {
  for (const ParameterSlot& slot : layout_.model_slots()) {
    const TensorView* tensor = weights.find(slot.name);
    if (tensor == nullptr || tensor->shape != slot.shape) return shape_error(slot.name, tensor, slot.shape);
    at::Tensor own = parameters_.narrow(0, slot.offset, slot.count);
    at::Tensor values = own.is_cpu() ? own : at::empty({slot.count}, at::kFloat);
    widen_to_float32(*tensor, {values.data_ptr<float>(), static_cast<std::size_t>(slot.count)});
    if (!own.is_cpu()) own.copy_(values);
  }
  return load_constants(weights);
}

/// What the model computes with and does not train.
Result<void> Transformer::load_constants(const Weights& weights) {
  const std::vector<std::int64_t> shape = {architecture_.max_positions, architecture_.d_model};
  for (auto [name, table] : {std::pair{"encoder.positions.weight", &encoder_.positions},
                             std::pair{"decoder.positions.weight", &decoder_.positions}}) {
    const TensorView* tensor = has_constant_positions() ? weights.find(name) : nullptr;
    if (tensor == nullptr) continue;
    if (tensor->shape != shape) return shape_error(name, tensor, shape);
    *table = copied(*tensor).to(device());
    positions_given_ = true;
  }
  if (const TensorView* bias = weights.find("output.bias")) {
    if (bias->element_count() != architecture_.vocab_size)
      return shape_error("output.bias", bias, {architecture_.vocab_size});
    output_bias_ = copied(*bias).view({architecture_.vocab_size}).to(device());
  }
  return {};
}

Weights Transformer::weights() const {
  struct Storage {
    std::vector<at::Tensor> tensors;
  };
  auto storage = std::make_shared<Storage>();
  Weights::Map map;
  const auto append = [&](const std::string& name, const at::Tensor& tensor,
                          const std::vector<std::int64_t>& shape) {
    const at::Tensor& kept = storage->tensors.emplace_back(tensor.detach().contiguous().cpu());
    map[name] =
        TensorView{DType::kFloat32, shape,
                   std::as_bytes(std::span(kept.data_ptr<float>(), static_cast<std::size_t>(kept.numel())))};
  };
  for (const ParameterSlot& slot : layout_.model_slots())
    append(slot.name, parameters_.narrow(0, slot.offset, slot.count), slot.shape);
  if (positions_given_) {
    append("encoder.positions.weight", encoder_.positions, encoder_.positions.sizes().vec());
    append("decoder.positions.weight", decoder_.positions, decoder_.positions.sizes().vec());
  }
  if (output_bias_.defined()) append("output.bias", output_bias_, {architecture_.vocab_size});
  return Weights(std::move(map), std::move(storage));
}

void Transformer::merge_adapters() {
  const at::NoGradGuard no_gradients;
  for (const LowRankAdapter& adapter : layout_.adapters()) {
    const ParameterSlot &a = layout_.slot(adapter.a), &b = layout_.slot(adapter.b);
    const std::int64_t begin = layout_.slot(adapter.targets.front()).offset;
    at::Tensor weight = parameters_.narrow(0, begin, b.shape[0] * a.shape[1]).view({b.shape[0], a.shape[1]});
    weight.addmm_(parameters_.narrow(0, b.offset, b.count).view(b.shape),
                  parameters_.narrow(0, a.offset, a.count).view(a.shape), 1.0, adapter.scale);
  }
  for (StackWeights* stack : {&encoder_, &decoder_})
    for (LayerWeights& layer : stack->layers)
      for (Projection* projection :
           {&layer.self_query_key_value, &layer.self_output, &layer.cross_query, &layer.cross_key_value,
            &layer.cross_output, &layer.feed_forward.gate, &layer.feed_forward.up, &layer.feed_forward.down})
        projection->adapters.clear();
}

}  // namespace epicrisis::train
