#include "train/ops/composed_attention.hpp"

#include <ATen/ATen.h>
#include <torch/version.h>

#include <cmath>
#include <limits>

#include "train/device.hpp"

namespace epicrisis::train::ops {
namespace {

/// Bias of every query and key of a sequence, [H, queries, keys].
Tensor spread(const PositionBias& bias, std::int64_t queries, std::int64_t keys) {
  const auto index = at::TensorOptions().dtype(at::kLong).device(bias.by_distance.device());
  const Tensor distances = at::arange(keys, index).unsqueeze(0) - at::arange(queries, index).unsqueeze(1);
  // What a causal table leaves out is masked anyway.
  const Tensor columns = (distances + bias.zero).clamp(0, bias.by_distance.size(1) - 1);
  return bias.by_distance.index_select(1, columns.flatten()).view({-1, queries, keys});
}

/// Where a query does not look, [queries, keys].
Tensor later_keys(const Tensor& query, const Tensor& key) {
  return at::ones({query.size(1), key.size(1)}, query.options().dtype(at::kBool)).triu(1);
}

/// query [H, queries, Dh], key and value [H, keys, Dh] of one sequence; `settings.bias` may be undefined.
Tensor attention_by_formula(const Tensor& query, const Tensor& key, const Tensor& value,
                            const AttentionSettings& settings) {
  Tensor scores = at::matmul(query * settings.scale, key.transpose(1, 2));
  if (settings.bias.by_distance.defined())
    scores = scores + spread(settings.bias, scores.size(1), scores.size(2));
  if (settings.causal)
    scores = scores.masked_fill(later_keys(query, key), -std::numeric_limits<float>::infinity());
  return at::matmul(composed_dropout(at::softmax(scores, -1), settings.dropout), value);
}

#if TORCH_VERSION_MAJOR >= 2
/// It scales by Dh^-0.5 itself, in the releases that take no other scale too.
Tensor fused_attention(const Tensor& query, const Tensor& key, const Tensor& value,
                       const AttentionSettings& settings) {
  const double factor = settings.scale * std::sqrt(static_cast<double>(query.size(2)));
  c10::optional<Tensor> mask;
  if (settings.bias.by_distance.defined()) {
    Tensor bias = spread(settings.bias, query.size(1), key.size(1));
    if (settings.causal)
      bias = bias.masked_fill(later_keys(query, key), -std::numeric_limits<float>::infinity());
    mask = bias.to(query.scalar_type()).unsqueeze(0);
  }
  if (settings.dropout.probability > 0) seed_generator(query.device(), settings.dropout.seed);
  return at::scaled_dot_product_attention((factor == 1.0 ? query : query * factor).unsqueeze(0),
                                          key.unsqueeze(0), value.unsqueeze(0), mask,
                                          settings.dropout.probability, settings.causal && !mask.has_value())
      .squeeze(0);
}
#endif

Tensor attend(const Tensor& query, const Tensor& key, const Tensor& value,
              const AttentionSettings& settings) {
#if TORCH_VERSION_MAJOR >= 2
  if (query.is_cuda()) return fused_attention(query, key, value, settings);
#endif
  return attention_by_formula(query, key, value, settings);
}

}  // namespace

Tensor composed_dropout(const Tensor& x, const Dropout& dropout) {
  if (dropout.probability <= 0) return x;
  seed_generator(x.device(), dropout.seed);
  return at::dropout(x, dropout.probability, true);
}

Tensor composed_attention(const Tensor& query, const Tensor& key, const Tensor& value,
                          const RowOffsets& query_offsets, const RowOffsets& key_offsets,
                          const AttentionSettings& settings) {
  std::vector<Tensor> outputs;
  const std::int64_t width = query.size(1);
  const auto by_head = [&](const Tensor& x, const RowOffsets& offsets, std::size_t b) {
    return x.slice(0, offsets[b], offsets[b + 1])
        .reshape({-1, settings.heads, width / settings.heads})
        .transpose(0, 1);
  };
  AttentionSettings own = settings;
  for (std::size_t b = 0; b + 1 < query_offsets.size(); ++b) {
    own.dropout.seed = settings.dropout.seed + b;  // sequences draw different masks
    const Tensor out = attend(by_head(query, query_offsets, b), by_head(key, key_offsets, b),
                              by_head(value, key_offsets, b), own);
    outputs.push_back(out.transpose(0, 1).reshape({-1, width}));
  }
  return at::cat(outputs);
}

}  // namespace epicrisis::train::ops
