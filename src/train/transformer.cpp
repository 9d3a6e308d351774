#include "train/transformer.hpp"

#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>
#include <fmt/format.h>

#include <cmath>

#include "base/check.hpp"
#include "train/ops/parallel.hpp"
#include "train/sinusoidal_positions.hpp"

namespace epicrisis::train {
namespace {

at::Tensor index_tensor(std::span<const TokenId> ids) {
  at::Tensor tensor = at::empty({static_cast<std::int64_t>(ids.size())}, at::kLong);
  std::copy(ids.begin(), ids.end(), tensor.data_ptr<std::int64_t>());
  return tensor;
}

std::vector<std::int64_t> positions_of(const ops::RowOffsets& offsets) {
  std::vector<std::int64_t> positions;
  positions.reserve(static_cast<std::size_t>(offsets.back()));
  for (std::size_t b = 0; b + 1 < offsets.size(); ++b)
    for (std::int64_t i = 0; i < offsets[b + 1] - offsets[b]; ++i) positions.push_back(i);
  return positions;
}

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

Result<Transformer> Transformer::create(const Architecture& architecture) {
  EPICRISIS_ASSIGN_OR_RETURN(ParameterLayout layout, ParameterLayout::create(architecture));
  return Transformer(architecture, std::move(layout));
}

Transformer::Transformer(const Architecture& architecture, ParameterLayout layout)
    : architecture_(architecture), layout_(std::move(layout)) {
  parameters_ = at::zeros({layout_.total()}, at::kFloat);
  gradients_ = at::zeros({layout_.total()}, at::kFloat);
  embedding_ = leaf("shared_embedding.weight", "shared_embedding.weight",
                    {architecture_.vocab_size, architecture_.d_model});
  encoder_ = stack_weights("encoder", architecture_.encoder, false);
  decoder_ = stack_weights("decoder", architecture_.decoder, true);
  encoder_positions_ = sinusoidal_positions(architecture_.max_positions, architecture_.d_model);
  decoder_positions_ = encoder_positions_;
  if (architecture_.output_bias) output_bias_ = at::zeros({architecture_.vocab_size}, at::kFloat);
}

/// Slots `first` to `last`, which lie side by side, as one leaf of the autograd graph.
at::Tensor Transformer::leaf(std::string_view first, std::string_view last, std::vector<std::int64_t> shape) {
  const ParameterSlot& begin = layout_.slot(first);
  const ParameterSlot& end = layout_.slot(last);
  const std::int64_t count = end.offset + end.count - begin.offset;
  at::Tensor parameter = parameters_.narrow(0, begin.offset, count).view(shape);
  parameter.set_requires_grad(true);
  parameter.mutable_grad() = gradients_.narrow(0, begin.offset, count).view(shape);
  return parameter;
}

Projection Transformer::projection(const std::string& prefix, const std::vector<std::string>& names,
                                   std::int64_t in) {
  const std::string first = prefix + names.front(), last = prefix + names.back();
  const std::int64_t out = layout_.slot(first + ".weight").shape[0] * static_cast<std::int64_t>(names.size());
  return {leaf(first + ".weight", last + ".weight", {out, in}), leaf(first + ".bias", last + ".bias", {out})};
}

NormWeights Transformer::norm_weights(const std::string& name) {
  return {leaf(name + ".weight", name + ".weight", {architecture_.d_model}),
          leaf(name + ".bias", name + ".bias", {architecture_.d_model})};
}

StackWeights Transformer::stack_weights(const std::string& name, const StackShape& shape, bool is_decoder) {
  StackWeights stack;
  const std::int64_t width = architecture_.d_model;
  for (int index = 0; index < shape.layers; ++index) {
    const std::string prefix = fmt::format("{}.layers.{}.", name, index);
    LayerWeights layer;
    layer.self_attention_norm = norm_weights(prefix + "self_attention_norm");
    layer.self_query_key_value = projection(prefix + "self_attention.", {"query", "key", "value"}, width);
    layer.self_output = projection(prefix + "self_attention.", {"output"}, width);
    if (is_decoder) {
      layer.cross_attention_norm = norm_weights(prefix + "cross_attention_norm");
      layer.cross_query = projection(prefix + "cross_attention.", {"query"}, width);
      layer.cross_key_value = projection(prefix + "cross_attention.", {"key", "value"}, width);
      layer.cross_output = projection(prefix + "cross_attention.", {"output"}, width);
    }
    layer.feed_forward_norm = norm_weights(prefix + "feed_forward_norm");
    const Projection up = projection(prefix + "feed_forward.", {"up"}, width);
    const Projection down = projection(prefix + "feed_forward.", {"down"}, shape.ffn_dim);
    layer.feed_forward = {up.weight, up.bias, down.weight, down.bias};
    stack.layers.push_back(std::move(layer));
  }
  stack.final_norm = norm_weights(name + ".final_norm");
  return stack;
}

at::Tensor Transformer::norm(const at::Tensor& x, const NormWeights& weights) const {
  return ops::layer_norm(x, weights.weight, weights.bias, architecture_.norm_epsilon);
}

at::Tensor Transformer::embed(std::span<const TokenId> ids, std::span<const std::int64_t> positions,
                              bool is_decoder) const {
  at::Tensor place = at::empty({static_cast<std::int64_t>(positions.size())}, at::kLong);
  std::copy(positions.begin(), positions.end(), place.data_ptr<std::int64_t>());
  const at::Tensor& table = is_decoder ? decoder_positions_ : encoder_positions_;
  const at::Tensor tokens = at::embedding(embedding_, index_tensor(ids), architecture_.pad_token_id);
  return at::add(table.index_select(0, place), tokens, architecture_.embedding_scale);
}

at::Tensor Transformer::self_attention_block(const at::Tensor& x, const LayerWeights& layer,
                                             const ops::RowOffsets& offsets,
                                             const ops::AttentionSettings& settings,
                                             DropoutSeeds& dropout) const {
  const at::Tensor packed = ops::linear(norm(x, layer.self_attention_norm), layer.self_query_key_value.weight,
                                        layer.self_query_key_value.bias);
  const at::Tensor attended = ops::self_attention(packed, offsets, settings);
  const at::Tensor out = ops::linear(attended, layer.self_output.weight, layer.self_output.bias);
  return ops::dropout_add(out, x, dropout.next(architecture_.dropout));
}

at::Tensor Transformer::feed_forward_block(const at::Tensor& x, const LayerWeights& layer,
                                           DropoutSeeds& dropout) const {
  const at::Tensor out =
      ops::feed_forward(norm(x, layer.feed_forward_norm), layer.feed_forward, architecture_.activation,
                        dropout.next(architecture_.activation_dropout));
  return ops::dropout_add(out, x, dropout.next(architecture_.dropout));
}

at::Tensor Transformer::encode(std::span<const TokenId> ids, const ops::RowOffsets& offsets,
                               DropoutSeeds& dropout) const {
  at::Tensor x = embed(ids, positions_of(offsets), false);
  x = ops::dropout_add(x, {}, dropout.next(architecture_.dropout));
  for (const LayerWeights& layer : encoder_.layers) {
    const ops::AttentionSettings settings{architecture_.encoder.heads, architecture_.attention_scale, false,
                                          dropout.next(architecture_.attention_dropout)};
    x = self_attention_block(x, layer, offsets, settings, dropout);
    x = feed_forward_block(x, layer, dropout);
  }
  return norm(x, encoder_.final_norm);
}

at::Tensor Transformer::decode(const data::PackedBatch& batch, const at::Tensor& encoded,
                               DropoutSeeds& dropout) const {
  const ops::RowOffsets& offsets = batch.target_offsets;
  at::Tensor x = embed(batch.decoder_ids, positions_of(offsets), true);
  x = ops::dropout_add(x, {}, dropout.next(architecture_.dropout));
  for (const LayerWeights& layer : decoder_.layers) {
    ops::AttentionSettings settings{architecture_.decoder.heads, architecture_.attention_scale, true,
                                    dropout.next(architecture_.attention_dropout)};
    x = self_attention_block(x, layer, offsets, settings, dropout);
    const at::Tensor query =
        ops::linear(norm(x, layer.cross_attention_norm), layer.cross_query.weight, layer.cross_query.bias);
    const at::Tensor key_value =
        ops::linear(encoded, layer.cross_key_value.weight, layer.cross_key_value.bias);
    settings.causal = false;
    settings.dropout = dropout.next(architecture_.attention_dropout);
    const at::Tensor attended =
        ops::cross_attention(query, key_value, offsets, batch.source_offsets, settings);
    const at::Tensor out = ops::linear(attended, layer.cross_output.weight, layer.cross_output.bias);
    x = ops::dropout_add(out, x, dropout.next(architecture_.dropout));
    x = feed_forward_block(x, layer, dropout);
  }
  return norm(x, decoder_.final_norm);
}

/// Autocast while it lives, on demand.
class Bfloat16Guard {
 public:
  explicit Bfloat16Guard(bool enabled) : enabled_(enabled && !at::autocast::is_cpu_enabled()) {
    if (!enabled_) return;
    at::autocast::set_autocast_cpu_dtype(at::kBFloat16);
    at::autocast::set_cpu_enabled(true);
  }
  Bfloat16Guard(const Bfloat16Guard&) = delete;
  Bfloat16Guard& operator=(const Bfloat16Guard&) = delete;
  ~Bfloat16Guard() {
    if (!enabled_) return;
    at::autocast::set_cpu_enabled(false);
    at::autocast::clear_cache();
  }

 private:
  bool enabled_;
};

at::Tensor Transformer::loss(const data::PackedBatch& batch, const LossSettings& settings,
                             DropoutSeeds dropout) const {
  std::vector<std::int64_t> labels, counted;
  for (std::size_t i = 0; i < batch.labels.size(); ++i) {
    if (batch.labels[i] == data::kIgnoredLabel) continue;
    labels.push_back(batch.labels[i]);
    counted.push_back(static_cast<std::int64_t>(i));
  }
  EPICRISIS_CHECK(!labels.empty());
  const Bfloat16Guard autocast(bfloat16_ && at::GradMode::is_enabled());
  const at::Tensor encoded = encode(batch.source_ids, batch.source_offsets, dropout);
  at::Tensor hidden = decode(batch, encoded, dropout);
  if (counted.size() < batch.labels.size()) hidden = hidden.index_select(0, at::tensor(counted));
  return ops::cross_entropy(hidden, embedding_, output_bias_, labels, settings.label_smoothing,
                            settings.factor / static_cast<double>(labels.size()));
}

at::Tensor Transformer::logits(const data::PackedBatch& batch) const {
  DropoutSeeds dropout;
  const at::Tensor encoded = encode(batch.source_ids, batch.source_offsets, dropout);
  return ops::linear(decode(batch, encoded, dropout), embedding_, output_bias_);
}

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
        values.normal_(0.0, architecture_.init_std, generator);
        break;
    }
    if (slot.initial == InitialValue::kEmbedding) values.view(slot.shape)[architecture_.pad_token_id].zero_();
  }
}

Result<void> Transformer::load(const Weights& weights) {
  for (const ParameterSlot& slot : layout_.slots()) {
    const TensorView* tensor = weights.find(slot.name);
    if (tensor == nullptr || tensor->shape != slot.shape) return shape_error(slot.name, tensor, slot.shape);
    widen_to_float32(*tensor,
                     {parameters_.data_ptr<float>() + slot.offset, static_cast<std::size_t>(slot.count)});
  }
  const std::vector<std::int64_t> positions = {architecture_.max_positions, architecture_.d_model};
  for (auto [name, table] : {std::pair{"encoder.positions.weight", &encoder_positions_},
                             std::pair{"decoder.positions.weight", &decoder_positions_}}) {
    const TensorView* tensor = weights.find(name);
    if (tensor == nullptr) continue;
    if (tensor->shape != positions) return shape_error(name, tensor, positions);
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
    append("encoder.positions.weight", encoder_positions_, encoder_positions_.sizes().vec());
    append("decoder.positions.weight", decoder_positions_, decoder_positions_.sizes().vec());
  }
  if (output_bias_.defined()) append("output.bias", output_bias_, {architecture_.vocab_size});
  return Weights(std::move(map), std::move(storage));
}

}  // namespace epicrisis::train
