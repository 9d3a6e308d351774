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

}  // namespace

void Transformer::initialise(std::uint64_t seed) {
  auto generator = at::detail::createCPUGenerator(seed);
  for (const ParameterSlot& slot : layout_.slots()) {
    at::Tensor values = parameters_.narrow(0, slot.offset, slot.count);
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
    }
    if (slot.initial == InitialValue::kEmbedding && architecture_.padding_row_fixed)
      values.view(slot.shape)[architecture_.pad_token_id].zero_();
  }
}

Result<void> Transformer::load(const Weights& weights) {
  for (const ParameterSlot& slot : layout_.slots()) {
    const TensorView* tensor = weights.find(slot.name);
    if (tensor == nullptr || tensor->shape != slot.shape) return shape_error(slot.name, tensor, slot.shape);
    widen_to_float32(*tensor,
                     {parameters_.data_ptr<float>() + slot.offset, static_cast<std::size_t>(slot.count)});
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
    *table = copied(*tensor);
    positions_given_ = true;
  }
  if (const TensorView* bias = weights.find("output.bias")) {
    if (bias->element_count() != architecture_.vocab_size)
      return shape_error("output.bias", bias, {architecture_.vocab_size});
    output_bias_ = copied(*bias).view({architecture_.vocab_size});
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
    const at::Tensor copy = storage->tensors.emplace_back(tensor.detach().contiguous().clone());
    map[name] =
        TensorView{DType::kFloat32, shape,
                   std::as_bytes(std::span(copy.data_ptr<float>(), static_cast<std::size_t>(copy.numel())))};
  };
  for (const ParameterSlot& slot : layout_.slots())
    append(slot.name, parameters_.narrow(0, slot.offset, slot.count), slot.shape);
  if (positions_given_) {
    append("encoder.positions.weight", encoder_.positions, encoder_.positions.sizes().vec());
    append("decoder.positions.weight", decoder_.positions, decoder_.positions.sizes().vec());
  }
  if (output_bias_.defined()) append("output.bias", output_bias_, {architecture_.vocab_size});
  return Weights(std::move(map), std::move(storage));
}

}  // namespace epicrisis::train
