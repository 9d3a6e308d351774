#include "train/transformer.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <memory>

#include "base/check.hpp"
#include "checkpoint/distance_bias.hpp"
#include "data/source_matches.hpp"
#include "train/device.hpp"
#include "train/ops/guided_alignment.hpp"
#include "train/recompute.hpp"
#include "train/sinusoidal_positions.hpp"

namespace epicrisis::train {
namespace {

template <class Integer>
at::Tensor index_tensor(std::span<const Integer> values, const at::Device& device) {
  at::Tensor tensor = at::empty({static_cast<std::int64_t>(values.size())}, at::kLong);
  std::copy(values.begin(), values.end(), tensor.data_ptr<std::int64_t>());
  return tensor.to(device);
}

std::vector<std::int64_t> positions_of(const ops::RowOffsets& offsets) {
  std::vector<std::int64_t> positions;
  positions.reserve(static_cast<std::size_t>(offsets.back()));
  for (std::size_t b = 0; b + 1 < offsets.size(); ++b)
    for (std::int64_t i = 0; i < offsets[b + 1] - offsets[b]; ++i) positions.push_back(i);
  return positions;
}

std::int64_t longest_of(const ops::RowOffsets& offsets) {
  std::int64_t longest = 1;
  for (std::size_t b = 0; b + 1 < offsets.size(); ++b)
    longest = std::max(longest, offsets[b + 1] - offsets[b]);
  return longest;
}

}  // namespace

Result<Transformer> Transformer::create(const Architecture& architecture, const TrainedParameters& trained,
                                        const at::Device& device) {
  EPICRISIS_ASSIGN_OR_RETURN(ParameterLayout layout, trained_layout(architecture, trained));
  return Transformer(architecture, std::move(layout), device);
}

Transformer::Transformer(const Architecture& architecture, ParameterLayout layout, const at::Device& device)
    : architecture_(architecture), layout_(std::move(layout)) {
  parameters_ = at::zeros({layout_.total()}, device);
  gradients_ = at::zeros({layout_.trained_total()}, device);
  const ParameterViews views(layout_, parameters_, gradients_);
  embedding_ = views.parameter("shared_embedding.weight");
  output_ = views.parameter("output.weight");
  encoder_ = views.stack("encoder", has_encoder() ? architecture_.encoder.layers : 0);
  decoder_ = views.stack("decoder", architecture_.decoder.layers);
  trained_leaves_ = views.trained_leaves();
  if (has_constant_positions())
    encoder_.positions = decoder_.positions =
        sinusoidal_positions(architecture_.max_positions, architecture_.d_model).to(device);
  if (architecture_.output_bias) output_bias_ = at::zeros({architecture_.vocab_size}, device);
}

at::Tensor Transformer::embed(std::span<const TokenId> ids, std::span<const std::int64_t> positions,
                              bool is_decoder) const {
  const StackWeights& stack = is_decoder ? decoder_ : encoder_;
  const std::int64_t fixed_row = architecture_.padding_row_fixed ? architecture_.pad_token_id : -1;
  at::Tensor x = at::embedding(embedding_, index_tensor(ids, device()), fixed_row);
  if (stack.positions.defined()) {
    at::Tensor rows = index_tensor(positions, device());
    if (architecture_.position_offset != 0) rows = rows + architecture_.position_offset;
    x = at::add(stack.positions.index_select(0, rows), x, architecture_.embedding_scale);
  } else if (architecture_.embedding_scale != 1.0F) {
    x = x * architecture_.embedding_scale;
  }
  return normalize(architecture_, x, stack.embedding_norm);
}

ops::PositionBias Transformer::position_bias(bool is_decoder, std::int64_t longest) const {
  const std::int64_t zero = longest - 1;
  const std::int64_t count = is_decoder ? longest : 2 * longest - 1;  // a decoder never looks ahead
  if (architecture_.positions == PositionEncoding::kAlibi) {
    const std::vector<float> slopes = alibi_slopes(architecture_.decoder.heads);
    return {at::outer(at::tensor(slopes), at::arange(-zero, count - zero, at::kFloat)).to(device()), zero};
  }
  if (architecture_.positions == PositionEncoding::kRelativeBias) {
    const RelativeBuckets of_stack = relative_buckets(architecture_, !is_decoder);
    std::vector<std::int64_t> buckets;
    for (std::int64_t i = 0; i < count; ++i) buckets.push_back(of_stack.of(static_cast<int>(i - zero)));
    const at::Tensor& table = is_decoder ? decoder_.relative_bias : encoder_.relative_bias;
    return {table.index_select(0, at::tensor(buckets)).transpose(0, 1).contiguous(), zero};
  }
  return {};
}

at::Tensor Transformer::run_layer(const at::Tensor& input, const LayerWeights& layer, bool is_decoder,
                                  const ops::RowOffsets& offsets, const Source& source,
                                  const ops::PositionBias& bias, DropoutSeeds& dropout,
                                  Compared* compared) const {
  const int heads = is_decoder ? architecture_.decoder.heads : architecture_.encoder.heads;
  ops::AttentionSettings settings{heads, architecture_.attention_scale, is_decoder, {}, bias};
  at::Tensor x =
      residual_block(architecture_, input, layer.self_attention_norm, dropout, [&](const at::Tensor& in) {
        settings.dropout = dropout.next(architecture_.attention_dropout);
        const at::Tensor packed = project(in, layer.self_query_key_value, dropout);
        return project(ops::self_attention(packed, offsets, settings), layer.self_output, dropout);
      });
  if (layer.attends_to_source()) {
    x = residual_block(architecture_, x, layer.cross_attention_norm, dropout, [&](const at::Tensor& in) {
      settings = {heads, architecture_.attention_scale, false, dropout.next(architecture_.attention_dropout)};
      const at::Tensor query = project(in, layer.cross_query, dropout);
      const at::Tensor key_value = project(source.encoded, layer.cross_key_value, dropout);
      if (compared != nullptr) *compared = {query, key_value};
      return project(ops::cross_attention(query, key_value, offsets, source.offsets, settings),
                     layer.cross_output, dropout);
    });
  }
  return feed_forward_block(architecture_, x, layer, dropout);
}

at::Tensor Transformer::run_layer_again_in_backward(const at::Tensor& input, const LayerWeights& layer,
                                                    bool is_decoder, const ops::RowOffsets& offsets,
                                                    const Source& source, const ops::PositionBias& bias,
                                                    DropoutSeeds& dropout) const {
  const auto after = std::make_shared<DropoutSeeds>(dropout);
  const auto compute = [this, &layer, is_decoder, offsets, source_offsets = source.offsets, zero = bias.zero,
                        autocast = Bfloat16Autocast::is_on(device()), before = dropout, after](
                           const at::Tensor& x, const at::Tensor& encoded, const at::Tensor& by_distance) {
    const Bfloat16Autocast guard(x.device(), autocast);
    *after = before;
    return run_layer(x, layer, is_decoder, offsets, {encoded, source_offsets}, {by_distance, zero}, *after);
  };
  const at::Tensor out = recomputed_in_backward(input, source.encoded, bias.by_distance, compute);
  dropout = *after;
  return out;
}

at::Tensor Transformer::run_stack(const at::Tensor& embedded, bool is_decoder, const ops::RowOffsets& offsets,
                                  const Source& source, DropoutSeeds& dropout, GuidedLayers* guided) const {
  const StackWeights& stack = is_decoder ? decoder_ : encoder_;
  at::Tensor x = ops::dropout_add(
      embedded, {}, dropout.next(architecture_.embedding_dropout.value_or(architecture_.dropout)));
  const ops::PositionBias bias = position_bias(is_decoder, longest_of(offsets));
  const bool recompute = gradient_checkpointing_ && at::GradMode::is_enabled();
  for (std::size_t i = 0; i < stack.layers.size(); ++i) {
    // A guided layer keeps its activations: the loss reads some of them.
    Compared* const compared =
        guided != nullptr && alignment_.heads_of(i) != nullptr ? &(*guided)[i] : nullptr;
    x = recompute && compared == nullptr
            ? run_layer_again_in_backward(x, stack.layers[i], is_decoder, offsets, source, bias, dropout)
            : run_layer(x, stack.layers[i], is_decoder, offsets, source, bias, dropout, compared);
  }
  x = normalize(architecture_, x, stack.final_norm);
  if (architecture_.final_dropout > 0) x = ops::dropout_add(x, {}, dropout.next(architecture_.final_dropout));
  return x;
}

at::Tensor Transformer::encode(std::span<const TokenId> ids, const ops::RowOffsets& offsets,
                               DropoutSeeds& dropout) const {
  EPICRISIS_CHECK(has_encoder());
  return run_stack(embed(ids, positions_of(offsets), false), false, offsets, {{}, offsets}, dropout);
}

at::Tensor Transformer::decode(const data::PackedBatch& batch, DropoutSeeds& dropout,
                               GuidedLayers* guided) const {
  Source source{{}, batch.source_offsets};
  if (has_encoder()) source.encoded = encode(batch.source_ids, batch.source_offsets, dropout);
  const ops::RowOffsets& offsets = batch.target_offsets;
  return run_stack(embed(batch.decoder_ids, positions_of(offsets), true), true, offsets, source, dropout,
                   guided);
}

/// Summed over labels, averaged over heads.
at::Tensor Transformer::alignment_loss(const data::PackedBatch& batch, const GuidedLayers& guided) const {
  const data::SourceMatches matches = data::source_matches(batch);
  at::Tensor sum = at::zeros({}, parameters_.options());
  for (const auto& [layer, compared] : guided) {
    const std::vector<std::int64_t>& heads = *alignment_.heads_of(layer);
    sum = sum + ops::guided_alignment_loss(
                    {compared.query, compared.key_value, batch.target_offsets, batch.source_offsets},
                    architecture_.decoder.heads, heads, architecture_.attention_scale, matches) *
                    (static_cast<double>(heads.size()) / static_cast<double>(alignment_.heads()));
  }
  return sum;
}

at::Tensor Transformer::scaled_for_output(const at::Tensor& hidden) const {
  return architecture_.output_scale == 1.0F ? hidden : hidden * architecture_.output_scale;
}

at::Tensor Transformer::output(const at::Tensor& hidden) const {
  return ops::linear(scaled_for_output(hidden), output_weight(), output_bias_);
}

at::Tensor Transformer::loss(const data::PackedBatch& batch, const LossSettings& settings,
                             DropoutSeeds dropout) const {
  std::vector<std::int64_t> labels, counted;
  for (std::size_t i = 0; i < batch.labels.size(); ++i) {
    if (batch.labels[i] == data::kIgnoredLabel) continue;
    labels.push_back(batch.labels[i]);
    counted.push_back(static_cast<std::int64_t>(i));
  }
  EPICRISIS_CHECK(!labels.empty());
  const Bfloat16Autocast autocast(device(), bfloat16_ && at::GradMode::is_enabled());
  GuidedLayers guided;
  const bool guides = alignment_.is_active() && at::GradMode::is_enabled();
  at::Tensor hidden = decode(batch, dropout, guides ? &guided : nullptr);
  if (counted.size() < batch.labels.size())
    hidden = hidden.index_select(0, index_tensor(std::span<const std::int64_t>(counted), device()));
  const double factor = settings.factor / static_cast<double>(labels.size());
  const at::Tensor loss = ops::cross_entropy(scaled_for_output(hidden), output_weight(), output_bias_, labels,
                                             settings.label_smoothing, factor);
  return guides ? loss + alignment_loss(batch, guided) * (alignment_.weight * factor) : loss;
}

at::Tensor Transformer::logits(const data::PackedBatch& batch) const {
  DropoutSeeds dropout;
  return output(decode(batch, dropout));
}

}  // namespace epicrisis::train
