#include "train/parameter_layout.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "base/check.hpp"
#include "checkpoint/distance_bias.hpp"
#include "checkpoint/families/family.hpp"

namespace epicrisis::train {
namespace {

Error unsupported(std::string_view what) {
  return Error{ErrorCode::kUnsupported, fmt::format("Models with {} cannot be trained.", what), {}};
}

Error invalid(std::string_view what, std::string detail) {
  return Error{ErrorCode::kInvalidArgument, fmt::format("The model's configuration {}.", what),
               std::move(detail)};
}

Result<void> check_supported(const Architecture& architecture) {
  const bool encodes = architecture.topology == Topology::kEncoderDecoder;
  if (architecture.positions == PositionEncoding::kRotary) return unsupported("rotary positions");
  if (architecture.positions == PositionEncoding::kAlibi && encodes)
    return unsupported("ALiBi in an encoder, for which it has no agreed form,");
  if (encodes != (architecture.encoder.layers > 0))
    return invalid("must have encoder layers if and only if it is an encoder-decoder",
                   fmt::format("{} encoder layers", architecture.encoder.layers));
  for (const StackShape* stack : {&architecture.encoder, &architecture.decoder}) {
    if (stack == &architecture.encoder && !encodes) continue;
    if (stack->layers < 1 || stack->heads < 1 || stack->ffn_dim < 1)
      return invalid("must have at least one layer, head and feed-forward unit in each stack",
                     fmt::format("{} layers, {} heads", stack->layers, stack->heads));
  }
  if (architecture.d_model < 1 || architecture.head_dim < 1)
    return invalid("must have d_model and head width of at least 1",
                   fmt::format("{} and {}", architecture.d_model, architecture.head_dim));
  const bool needs_table = architecture.positions == PositionEncoding::kLearned ||
                           architecture.positions == PositionEncoding::kSinusoidal;
  if (needs_table && architecture.max_positions < 1)
    return invalid("must have positions for its position table", "0 positions");
  if (architecture.positions == PositionEncoding::kRelativeBias &&
      !(relative_buckets(architecture, true).valid() && relative_buckets(architecture, false).valid()))
    return invalid(
        "must have at least 4 relative position buckets and a larger maximal distance",
        fmt::format("{} and {}", architecture.relative_buckets, architecture.relative_max_distance));
  return {};
}

/// Own names where the family is unknown or has no such parameter.
void name_as_in_files(const Architecture& architecture, std::vector<ParameterSlot>& slots) {
  std::map<std::string, std::string> names;
  if (const Family* family = find_family(architecture.family); family != nullptr)
    for (const Parameter& parameter : family->parameters(architecture))
      names[parameter.canonical] = parameter.file_names.front();
  for (ParameterSlot& slot : slots) {
    const auto found = names.find(slot.name);
    slot.file_name = found == names.end() ? slot.name : found->second;
  }
}

}  // namespace

/// Appends the parameters of one architecture in the order of the forward pass.
class LayoutBuilder {
 public:
  LayoutBuilder(const Architecture& architecture, ParameterLayout& layout)
      : architecture_(architecture), layout_(layout) {}

  void append_model() {
    const std::vector<std::int64_t> embedding = {architecture_.vocab_size, architecture_.d_model};
    append("shared_embedding.weight", embedding, InitialValue::kEmbedding, architecture_.init_std);
    if (architecture_.topology == Topology::kEncoderDecoder)
      append_stack("encoder", architecture_.encoder, false);
    append_stack("decoder", architecture_.decoder, architecture_.topology == Topology::kEncoderDecoder);
    if (!architecture_.tied_output)
      append("output.weight", embedding, InitialValue::kNormal, deviation(architecture_.d_model));
  }

 private:
  void append(std::string name, std::vector<std::int64_t> shape, InitialValue initial, float deviation = 0) {
    layout_.append({std::move(name), std::move(shape), 0, 0, initial, deviation});
  }

  void append_norm(const std::string& name) {
    append(name + ".weight", {architecture_.d_model}, InitialValue::kOne);
    if (architecture_.normalization == Normalization::kLayerNorm)
      append(name + ".bias", {architecture_.d_model}, InitialValue::kZero);
  }

  /// Deviation of a new matrix that reads `in` features.
  float deviation(int in) const {
    return architecture_.init_by_fan_in ? architecture_.init_std / std::sqrt(static_cast<float>(in))
                                        : architecture_.init_std;
  }

  void append_projection(const std::string& prefix, const std::vector<std::string>& names, int out, int in,
                         bool bias) {
    for (const std::string& name : names) {
      // Where scores are not scaled (T5), queries start smaller by the factor that scaling would bring.
      const float scale = name == "query" && architecture_.init_by_fan_in
                              ? 1.0F / std::sqrt(static_cast<float>(architecture_.head_dim))
                              : 1.0F;
      append(prefix + name + ".weight", {out, in}, InitialValue::kNormal, deviation(in) * scale);
    }
    if (!bias) return;
    for (const std::string& name : names) append(prefix + name + ".bias", {out}, InitialValue::kZero);
  }

  void append_attention(const std::string& prefix, const std::vector<std::vector<std::string>>& inputs,
                        const StackShape& shape) {
    const int width = shape.heads * architecture_.head_dim;
    for (const std::vector<std::string>& names : inputs)
      append_projection(prefix, names, width, architecture_.d_model, architecture_.attention_bias);
    append_projection(prefix, {"output"}, architecture_.d_model, width, architecture_.attention_bias);
  }

  void append_layer(const std::string& prefix, const StackShape& shape, bool attends_to_source) {
    append_norm(prefix + "self_attention_norm");
    append_attention(prefix + "self_attention.", {{"query", "key", "value"}}, shape);
    if (attends_to_source) {
      append_norm(prefix + "cross_attention_norm");
      append_attention(prefix + "cross_attention.", {{"query"}, {"key", "value"}}, shape);
    }
    append_norm(prefix + "feed_forward_norm");
    const std::string inner = prefix + "feed_forward.";
    const int width = architecture_.d_model;
    if (architecture_.gated_ffn)
      append_projection(inner, {"gate"}, shape.ffn_dim, width, architecture_.ffn_bias);
    append_projection(inner, {"up"}, shape.ffn_dim, width, architecture_.ffn_bias);
    append_projection(inner, {"down"}, width, shape.ffn_dim, architecture_.ffn_bias);
  }

  void append_stack(const std::string& name, const StackShape& shape, bool attends_to_source) {
    const int width = architecture_.d_model;
    if (architecture_.positions == PositionEncoding::kLearned)
      append(name + ".positions.weight", {architecture_.max_positions + architecture_.position_offset, width},
             InitialValue::kNormal, architecture_.init_std);
    if (architecture_.positions == PositionEncoding::kRelativeBias)
      append(name + ".relative_bias.weight", {architecture_.relative_buckets, shape.heads},
             InitialValue::kNormal, deviation(width));
    if (architecture_.embedding_norm) append_norm(name + ".embedding_norm");
    for (int layer = 0; layer < shape.layers; ++layer)
      append_layer(fmt::format("{}.layers.{}.", name, layer), shape, attends_to_source);
    if (architecture_.final_norm) append_norm(name + ".final_norm");
  }

  const Architecture& architecture_;
  ParameterLayout& layout_;
};

Result<ParameterLayout> ParameterLayout::create(const Architecture& architecture) {
  EPICRISIS_RETURN_IF_ERROR(check_supported(architecture));
  ParameterLayout layout;
  LayoutBuilder(architecture, layout).append_model();
  layout.model_slots_ = layout.slots_.size();
  name_as_in_files(architecture, layout.slots_);
  layout.number_gradients();
  return layout;
}

void ParameterLayout::append(ParameterSlot slot) {
  slot.offset = total_;
  slot.count = 1;
  for (const std::int64_t size : slot.shape) slot.count *= size;
  total_ += slot.count;
  slots_.push_back(std::move(slot));
}

void ParameterLayout::number_gradients() {
  trained_total_ = 0;
  for (ParameterSlot& slot : slots_) {
    if (!slot.trained) continue;
    slot.gradient_offset = trained_total_;
    trained_total_ += slot.count;
  }
}

void ParameterLayout::freeze(const std::vector<bool>& frozen) {
  EPICRISIS_CHECK(frozen.size() == slots_.size());
  for (std::size_t i = 0; i < slots_.size(); ++i) slots_[i].trained = slots_[i].trained && !frozen[i];
  number_gradients();
}

void ParameterLayout::append_adapter(LowRankAdapter adapter, std::int64_t rank) {
  std::int64_t out = 0;
  for (const std::string& target : adapter.targets) out += slot(target).shape[0];
  const std::int64_t in = slot(adapter.targets.front()).shape[1];
  adapter.a = adapter.module + ".lora_A.weight";
  adapter.b = adapter.module + ".lora_B.weight";
  const float bound = 1.0F / std::sqrt(static_cast<float>(in));  // Kaiming's with a slope of sqrt(5)
  append({adapter.a, {rank, in}, 0, 0, InitialValue::kUniform, bound, adapter.a});
  append({adapter.b, {out, rank}, 0, 0, InitialValue::kZero, 0, adapter.b});
  adapters_.push_back(std::move(adapter));
  number_gradients();
}

const ParameterSlot* ParameterLayout::find(std::string_view name) const noexcept {
  const auto found = std::find_if(slots_.begin(), slots_.end(),
                                  [&](const ParameterSlot& slot) { return slot.name == name; });
  return found == slots_.end() ? nullptr : &*found;
}

const ParameterSlot& ParameterLayout::slot(std::string_view name) const {
  const ParameterSlot* found = find(name);
  EPICRISIS_CHECK(found != nullptr);
  return *found;
}

}  // namespace epicrisis::train
