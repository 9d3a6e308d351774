#include "train/torch_backend.hpp"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/check.hpp"
#include "train/ops/attention_kernel.hpp"
#include "train/ops/parallel.hpp"

namespace epicrisis::train {
namespace {

/// Keys and values of one decoder layer, side by side: [positions, 2 D].
using KeyValue = at::Tensor;

/// A hypothesis: what its decoder layers have seen.
struct HypothesisCache {
  std::vector<KeyValue> layers;  ///< Of some capacity; the first `length` rows are valid.
  std::int64_t length = 0;

  HypothesisCache clone() const {
    HypothesisCache copy = *this;
    for (KeyValue& layer : copy.layers) layer = layer.clone();
    return copy;
  }
};

class TorchSession final : public DecodeSession {
 public:
  explicit TorchSession(const Transformer& model) : model_(model) {}

  Result<std::vector<SourceId>> add(std::span<const std::vector<TokenId>> sources) override;
  void remove(SourceId source) override { sources_.erase(source); }
  Result<void> step(std::span<const HypothesisStep> rows, std::span<float> logits) override;

 private:
  /// One token for one row of this step.
  struct Feed {
    std::size_t row = 0;
    TokenId token = 0;
  };
  Result<void> check(std::span<const HypothesisStep> rows) const;
  std::vector<HypothesisCache> continued(std::span<const HypothesisStep> rows);
  at::Tensor advance(std::span<const Feed> feeds, std::span<const HypothesisStep> rows);
  at::Tensor attend_to_self(const at::Tensor& x, std::size_t layer, std::span<const Feed> feeds);
  at::Tensor attend_to_source(const at::Tensor& x, std::size_t layer, std::span<const Feed> feeds,
                              std::span<const HypothesisStep> rows) const;
  /// Attention of query row i (of `query`, from its column 0) to keys[i].
  at::Tensor attend(const at::Tensor& query, std::span<const KeyValue> keys,
                    std::span<const std::int64_t> lengths) const;
  at::Tensor norm(const at::Tensor& x, const NormWeights& weights) const {
    return ops::layer_norm(x, weights.weight, weights.bias, model_.architecture().norm_epsilon);
  }

  const Transformer& model_;
  std::map<SourceId, std::vector<KeyValue>> sources_;  ///< Cross-attention keys and values, a tensor a layer.
  SourceId next_source_ = 0;
  std::vector<HypothesisCache> hypotheses_;  ///< Rows of the last step.
};

Result<std::vector<SourceId>> TorchSession::add(std::span<const std::vector<TokenId>> sources) {
  at::NoGradGuard no_gradients;
  std::vector<TokenId> ids;
  ops::RowOffsets offsets = {0};
  for (const std::vector<TokenId>& source : sources) {
    if (source.empty() || static_cast<int>(source.size()) > model_.architecture().max_positions)
      return Error{ErrorCode::kInvalidArgument, "A source is empty or longer than the model's positions.",
                   fmt::format("{} tokens, at most {}", source.size(), model_.architecture().max_positions)};
    ids.insert(ids.end(), source.begin(), source.end());
    offsets.push_back(static_cast<std::int64_t>(ids.size()));
  }
  if (sources.empty()) return std::vector<SourceId>();
  DropoutSeeds no_dropout;
  const at::Tensor encoded = model_.encode(ids, offsets, no_dropout);
  std::vector<KeyValue> layers;
  for (const LayerWeights& layer : model_.decoder().layers)
    layers.push_back(ops::linear(encoded, layer.cross_key_value.weight, layer.cross_key_value.bias));
  std::vector<SourceId> added;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    std::vector<KeyValue>& own = sources_[next_source_];
    for (const KeyValue& layer : layers) own.push_back(layer.slice(0, offsets[i], offsets[i + 1]));
    added.push_back(next_source_++);
  }
  return added;
}

Result<void> TorchSession::check(std::span<const HypothesisStep> rows) const {
  for (const HypothesisStep& row : rows) {
    EPICRISIS_CHECK(!row.tokens.empty() && sources_.contains(row.source));
    EPICRISIS_CHECK(row.parent < static_cast<int>(hypotheses_.size()));
    const std::int64_t length = row.parent < 0 ? 0 : hypotheses_[static_cast<std::size_t>(row.parent)].length;
    if (length + static_cast<std::int64_t>(row.tokens.size()) > model_.architecture().max_positions)
      return Error{ErrorCode::kResourceExhausted, "A hypothesis would pass the model's positions.",
                   fmt::format("at most {}", model_.architecture().max_positions)};
  }
  return {};
}

std::vector<HypothesisCache> TorchSession::continued(std::span<const HypothesisStep> rows) {
  std::vector<int> heirs(hypotheses_.size(), 0);
  for (const HypothesisStep& row : rows)
    if (row.parent >= 0) ++heirs[static_cast<std::size_t>(row.parent)];
  std::vector<HypothesisCache> result;
  for (const HypothesisStep& row : rows) {
    if (row.parent < 0) {
      result.emplace_back().layers.resize(model_.decoder().layers.size());
      continue;
    }
    HypothesisCache& parent = hypotheses_[static_cast<std::size_t>(row.parent)];
    // The last heir takes the cache itself.
    result.push_back(--heirs[static_cast<std::size_t>(row.parent)] == 0 ? std::move(parent) : parent.clone());
  }
  return result;
}

at::Tensor TorchSession::attend(const at::Tensor& query, std::span<const KeyValue> keys,
                                std::span<const std::int64_t> lengths) const {
  const std::int64_t width = model_.architecture().d_model, heads = model_.architecture().decoder.heads;
  const std::int64_t head_dim = width / heads, count = query.size(0);
  at::Tensor out = at::empty({count, width}, query.options());
  const AttentionMask mask{model_.architecture().attention_scale, false, {}};
  for_each_task(count * heads, [&](std::int64_t task) {
    const std::int64_t row = task / heads, column = task % heads * head_dim;
    const KeyValue& key_value = keys[static_cast<std::size_t>(row)];
    AttentionRows rows;
    rows.query = query.data_ptr<float>() + row * query.size(1) + column;
    rows.key = key_value.data_ptr<float>() + column;
    rows.value = rows.key + width;
    rows.queries = 1;
    rows.keys = lengths[static_cast<std::size_t>(row)];
    rows.head_dim = head_dim;
    rows.query_stride = query.size(1);
    rows.key_stride = 2 * width;
    float log_sum = 0;
    attention_forward(rows, mask, out.data_ptr<float>() + row * width + column, width, &log_sum);
  });
  return out;
}

at::Tensor TorchSession::attend_to_self(const at::Tensor& x, std::size_t layer, std::span<const Feed> feeds) {
  const LayerWeights& weights = model_.decoder().layers[layer];
  const std::int64_t width = model_.architecture().d_model;
  const at::Tensor packed =
      ops::linear(norm(x, weights.self_attention_norm), weights.self_query_key_value.weight,
                  weights.self_query_key_value.bias);
  std::vector<KeyValue> keys;
  std::vector<std::int64_t> lengths;
  for (std::size_t i = 0; i < feeds.size(); ++i) {
    HypothesisCache& cache = hypotheses_[feeds[i].row];
    KeyValue& key_value = cache.layers[layer];
    const std::int64_t capacity = key_value.defined() ? key_value.size(0) : 0;
    if (cache.length >= capacity) {
      constexpr std::int64_t kFirstCapacity = 32;
      KeyValue grown = at::empty({std::max(kFirstCapacity, 2 * capacity), 2 * width}, x.options());
      if (capacity > 0) grown.narrow(0, 0, capacity).copy_(key_value);
      key_value = grown;
    }
    const float* row = packed.data_ptr<float>() + static_cast<std::int64_t>(i) * 3 * width + width;
    std::copy_n(row, 2 * width, key_value.data_ptr<float>() + cache.length * 2 * width);
    keys.push_back(key_value);
    lengths.push_back(cache.length + 1);
  }
  const at::Tensor attended = attend(packed, keys, lengths);
  return x + ops::linear(attended, weights.self_output.weight, weights.self_output.bias);
}

at::Tensor TorchSession::attend_to_source(const at::Tensor& x, std::size_t layer, std::span<const Feed> feeds,
                                          std::span<const HypothesisStep> rows) const {
  const LayerWeights& weights = model_.decoder().layers[layer];
  const at::Tensor query = ops::linear(norm(x, weights.cross_attention_norm), weights.cross_query.weight,
                                       weights.cross_query.bias);
  std::vector<KeyValue> keys;
  std::vector<std::int64_t> lengths;
  for (const Feed& feed : feeds) {
    keys.push_back(sources_.at(rows[feed.row].source)[layer]);
    lengths.push_back(keys.back().size(0));
  }
  return x +
         ops::linear(attend(query, keys, lengths), weights.cross_output.weight, weights.cross_output.bias);
}

/// Final hidden states [feeds, D].
at::Tensor TorchSession::advance(std::span<const Feed> feeds, std::span<const HypothesisStep> rows) {
  std::vector<TokenId> ids;
  std::vector<std::int64_t> positions;
  for (const Feed& feed : feeds) {
    ids.push_back(feed.token);
    positions.push_back(hypotheses_[feed.row].length);
  }
  at::Tensor x = model_.embed(ids, positions, true);
  for (std::size_t layer = 0; layer < model_.decoder().layers.size(); ++layer) {
    const LayerWeights& weights = model_.decoder().layers[layer];
    x = attend_to_self(x, layer, feeds);
    x = attend_to_source(x, layer, feeds, rows);
    x = x + ops::feed_forward(norm(x, weights.feed_forward_norm), weights.feed_forward,
                              model_.architecture().activation, {});
  }
  for (const Feed& feed : feeds) ++hypotheses_[feed.row].length;
  return norm(x, model_.decoder().final_norm);
}

Result<void> TorchSession::step(std::span<const HypothesisStep> rows, std::span<float> logits) {
  const auto vocabulary = static_cast<std::size_t>(model_.architecture().vocab_size);
  EPICRISIS_CHECK(logits.size() == rows.size() * vocabulary);
  EPICRISIS_RETURN_IF_ERROR(check(rows));
  at::NoGradGuard no_gradients;
  hypotheses_ = continued(rows);
  at::Tensor last =
      at::empty({static_cast<std::int64_t>(rows.size()), model_.architecture().d_model}, at::kFloat);
  std::size_t longest = 0;
  for (const HypothesisStep& row : rows) longest = std::max(longest, row.tokens.size());
  for (std::size_t position = 0; position < longest; ++position) {
    std::vector<Feed> feeds;
    for (std::size_t row = 0; row < rows.size(); ++row)
      if (position < rows[row].tokens.size()) feeds.push_back({row, rows[row].tokens[position]});
    const at::Tensor hidden = advance(feeds, rows);
    for (std::size_t i = 0; i < feeds.size(); ++i)
      last[static_cast<std::int64_t>(feeds[i].row)].copy_(hidden[static_cast<std::int64_t>(i)]);
  }
  const at::Tensor result = ops::linear(last, model_.embedding(), model_.output_bias());
  std::copy_n(result.data_ptr<float>(), logits.size(), logits.data());
  return {};
}

}  // namespace

Result<std::unique_ptr<DecodeSession>> TorchBackend::start_session() const {
  return std::unique_ptr<DecodeSession>(std::make_unique<TorchSession>(model_));
}

}  // namespace epicrisis::train
