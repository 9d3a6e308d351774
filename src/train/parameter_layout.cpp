#include "train/parameter_layout.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.hpp"

namespace epicrisis::train {
namespace {

Result<void> check_supported(const Architecture& architecture) {
  if (architecture.family != "pegasus")
    return Error{ErrorCode::kUnsupported,
                 fmt::format("Models of the family '{}' cannot be trained yet; choose a Pegasus model.",
                             architecture.family),
                 {}};
  const bool as_pegasus =
      architecture.topology == Topology::kEncoderDecoder &&
      architecture.norm_placement == NormPlacement::kBefore &&
      architecture.normalization == Normalization::kLayerNorm && architecture.final_norm &&
      architecture.positions == PositionEncoding::kSinusoidal && !architecture.gated_ffn &&
      architecture.attention_bias && architecture.ffn_bias && architecture.tied_output &&
      !architecture.embedding_norm && architecture.output_scale == 1.0F;
  if (!as_pegasus)
    return Error{ErrorCode::kUnsupported,
                 "This Pegasus configuration cannot be trained: it changes norms, positions or tying.",
                 {}};
  for (const StackShape* stack : {&architecture.encoder, &architecture.decoder})
    if (stack->layers < 1 || stack->heads < 1 || stack->heads * architecture.head_dim != architecture.d_model)
      return Error{ErrorCode::kInvalidArgument, "d_model must be heads times a whole head width.",
                   fmt::format("d_model={} heads={}", architecture.d_model, stack->heads)};
  return {};
}

}  // namespace

void ParameterLayout::append(std::string name, std::vector<std::int64_t> shape, InitialValue initial) {
  ParameterSlot slot{std::move(name), std::move(shape), total_, 1, initial};
  for (const std::int64_t size : slot.shape) slot.count *= size;
  total_ += slot.count;
  slots_.push_back(std::move(slot));
}

void ParameterLayout::append_norm(const std::string& name, int width) {
  append(name + ".weight", {width}, InitialValue::kOne);
  append(name + ".bias", {width}, InitialValue::kZero);
}

void ParameterLayout::append_projection(const std::string& prefix, const std::vector<std::string>& names,
                                        int out, int in) {
  for (const std::string& name : names) append(prefix + name + ".weight", {out, in}, InitialValue::kNormal);
  for (const std::string& name : names) append(prefix + name + ".bias", {out}, InitialValue::kZero);
}

void ParameterLayout::append_stack(const std::string& name, const StackShape& shape,
                                   const Architecture& architecture, bool is_decoder) {
  const int width = architecture.d_model;
  for (int layer = 0; layer < shape.layers; ++layer) {
    const std::string prefix = fmt::format("{}.layers.{}.", name, layer);
    append_norm(prefix + "self_attention_norm", width);
    append_projection(prefix + "self_attention.", {"query", "key", "value"}, width, width);
    append_projection(prefix + "self_attention.", {"output"}, width, width);
    if (is_decoder) {
      append_norm(prefix + "cross_attention_norm", width);
      append_projection(prefix + "cross_attention.", {"query"}, width, width);
      append_projection(prefix + "cross_attention.", {"key", "value"}, width, width);
      append_projection(prefix + "cross_attention.", {"output"}, width, width);
    }
    append_norm(prefix + "feed_forward_norm", width);
    append_projection(prefix + "feed_forward.", {"up"}, shape.ffn_dim, width);
    append_projection(prefix + "feed_forward.", {"down"}, width, shape.ffn_dim);
  }
  append_norm(name + ".final_norm", width);
}

Result<ParameterLayout> ParameterLayout::create(const Architecture& architecture) {
  EPICRISIS_RETURN_IF_ERROR(check_supported(architecture));
  ParameterLayout layout;
  layout.append("shared_embedding.weight", {architecture.vocab_size, architecture.d_model},
                InitialValue::kEmbedding);
  layout.append_stack("encoder", architecture.encoder, architecture, false);
  layout.append_stack("decoder", architecture.decoder, architecture, true);
  return layout;
}

const ParameterSlot& ParameterLayout::slot(std::string_view name) const {
  const auto found = std::find_if(slots_.begin(), slots_.end(),
                                  [&](const ParameterSlot& slot) { return slot.name == name; });
  EPICRISIS_CHECK(found != slots_.end());
  return *found;
}

}  // namespace epicrisis::train
