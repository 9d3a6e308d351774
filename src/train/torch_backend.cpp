#include "train/torch_backend.hpp"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "base/check.hpp"
#include "train/blocks.hpp"
#include "train/ops/attention_kernel.hpp"
#include "train/ops/parallel.hpp"

namespace epicrisis::train {
namespace {

/// Keys and values of one decoder layer, side by side: [positions, 2 H Dh].
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
  /// Room for `count` more rows in a layer.
  void reserve(std::size_t layer, std::int64_t count, const at::Tensor& like, std::int64_t columns) {
    KeyValue& key_value = layers[layer];
    const std::int64_t capacity = key_value.defined() ? key_value.size(0) : 0;
    if (length + count <= capacity) return;
    constexpr std::int64_t kFirstCapacity = 32;
    KeyValue grown =
        at::empty({std::max({kFirstCapacity, 2 * capacity, length + count}), columns}, like.options());
    if (length > 0) grown.narrow(0, 0, length).copy_(key_value.narrow(0, 0, length));
    key_value = grown;
  }
};

/// The tokens of one step, row after row.
struct Feed {
  std::vector<TokenId> ids;
  std::vector<std::int64_t> positions;
  ops::RowOffsets offsets = {0};  ///< Row r feeds tokens [offsets[r], offsets[r + 1]).

  std::int64_t count(std::size_t row) const { return offsets[row + 1] - offsets[row]; }
};

/// What the tokens of one row attend to.
struct Keys {
  KeyValue key_value;
  std::int64_t length = 0;
};

class TorchSession final : public DecodeSession {
 public:
  explicit TorchSession(const Transformer& model) : model_(model), architecture_(model.architecture()) {}

  Result<std::vector<SourceId>> add(std::span<const std::vector<TokenId>> sources) override;
  void remove(SourceId source) override { sources_.erase(source); }
  Result<void> step(std::span<const HypothesisStep> rows, std::span<float> logits) override;

 private:
  Result<void> check(std::span<const HypothesisStep> rows) const;
  /// Cross-attention keys and values of `sources`, a tensor a layer of each.
  std::vector<std::vector<KeyValue>> encoded(std::span<const std::vector<TokenId>> sources) const;
  std::vector<HypothesisCache> continued(std::span<const HypothesisStep> rows);
  Feed feed_of(std::span<const HypothesisStep> rows) const;
  at::Tensor advance(const Feed& feed, std::span<const HypothesisStep> rows);
  at::Tensor attend_to_self(const at::Tensor& in, std::size_t layer, const Feed& feed,
                            const ops::PositionBias& bias);
  at::Tensor attend_to_source(const at::Tensor& in, std::size_t layer, const Feed& feed,
                              std::span<const HypothesisStep> rows) const;
  /// The feed's queries (columns from 0 of `query`) to the keys of their rows. causal: the last query of a
  /// row is at its last key.
  at::Tensor attend(const at::Tensor& query, std::span<const Keys> keys, const Feed& feed, bool causal,
                    const ops::PositionBias& bias) const;
  std::int64_t width() const { return std::int64_t{architecture_.decoder.heads} * architecture_.head_dim; }

  const Transformer& model_;
  const Architecture& architecture_;
  std::map<SourceId, std::vector<KeyValue>> sources_;  ///< Nothing a source in a decoder-only model.
  SourceId next_source_ = 0;
  std::vector<HypothesisCache> hypotheses_;  ///< Rows of the last step.
};

std::vector<std::vector<KeyValue>> TorchSession::encoded(
    std::span<const std::vector<TokenId>> sources) const {
  std::vector<std::vector<KeyValue>> result(sources.size());
  if (architecture_.topology == Topology::kDecoderOnly || sources.empty()) return result;
  std::vector<TokenId> ids;
  ops::RowOffsets offsets = {0};
  for (const std::vector<TokenId>& source : sources) {
    ids.insert(ids.end(), source.begin(), source.end());
    offsets.push_back(static_cast<std::int64_t>(ids.size()));
  }
  DropoutSeeds no_dropout;
  const at::Tensor hidden = model_.encode(ids, offsets, no_dropout);
  for (const LayerWeights& layer : model_.decoder().layers) {
    const KeyValue all = project(hidden, layer.cross_key_value, no_dropout);
    for (std::size_t i = 0; i < sources.size(); ++i)
      result[i].push_back(all.slice(0, offsets[i], offsets[i + 1]));
  }
  return result;
}

Result<std::vector<SourceId>> TorchSession::add(std::span<const std::vector<TokenId>> sources) {
  at::NoGradGuard no_gradients;
  const auto limit = static_cast<std::size_t>(max_tokens(architecture_));
  for (const std::vector<TokenId>& source : sources)
    if (source.empty() || source.size() > limit)
      return Error{ErrorCode::kInvalidArgument, "A source is empty or longer than the model's positions.",
                   fmt::format("{} tokens, at most {}", source.size(), limit)};
  std::vector<SourceId> added;
  for (std::vector<KeyValue>& layers : encoded(sources)) {
    sources_[next_source_] = std::move(layers);
    added.push_back(next_source_++);
  }
  return added;
}

Result<void> TorchSession::check(std::span<const HypothesisStep> rows) const {
  for (const HypothesisStep& row : rows) {
    EPICRISIS_CHECK(!row.tokens.empty() && sources_.contains(row.source));
    EPICRISIS_CHECK(row.parent < static_cast<int>(hypotheses_.size()));
    const std::int64_t length = row.parent < 0 ? 0 : hypotheses_[static_cast<std::size_t>(row.parent)].length;
    if (length + static_cast<std::int64_t>(row.tokens.size()) > max_tokens(architecture_))
      return Error{ErrorCode::kResourceExhausted, "A hypothesis would pass the model's positions.",
                   fmt::format("at most {}", max_tokens(architecture_))};
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

Feed TorchSession::feed_of(std::span<const HypothesisStep> rows) const {
  Feed feed;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    for (const TokenId token : rows[row].tokens) {
      feed.positions.push_back(hypotheses_[row].length + static_cast<std::int64_t>(feed.ids.size()) -
                               feed.offsets.back());
      feed.ids.push_back(token);
    }
    feed.offsets.push_back(static_cast<std::int64_t>(feed.ids.size()));
  }
  return feed;
}

at::Tensor TorchSession::attend(const at::Tensor& query, std::span<const Keys> keys, const Feed& feed,
                                bool causal, const ops::PositionBias& bias) const {
  const std::int64_t heads = architecture_.decoder.heads, head_dim = architecture_.head_dim;
  at::Tensor out = at::empty({query.size(0), width()}, query.options());
  for_each_task(static_cast<std::int64_t>(keys.size()) * heads, [&](std::int64_t task) {
    const auto row = static_cast<std::size_t>(task / heads);
    const std::int64_t head = task % heads, column = head * head_dim, begin = feed.offsets[row];
    AttentionRows rows;
    rows.query = query.data_ptr<float>() + begin * query.size(1) + column;
    rows.key = keys[row].key_value.data_ptr<float>() + column;
    rows.value = rows.key + width();
    rows.queries = feed.count(row);
    rows.keys = keys[row].length;
    rows.head_dim = head_dim;
    rows.query_stride = query.size(1);
    rows.key_stride = 2 * width();
    if (bias.by_distance.defined())
      rows.bias = bias.by_distance.data_ptr<float>() + head * bias.by_distance.size(1) + bias.zero;
    const AttentionMask mask{architecture_.attention_scale, causal, rows.keys - rows.queries, {}};
    std::vector<float> log_sums(static_cast<std::size_t>(rows.queries));  // for backward, which never comes
    attention_forward(rows, mask, out.data_ptr<float>() + begin * width() + column, width(), log_sums.data());
  });
  return out;
}

at::Tensor TorchSession::attend_to_self(const at::Tensor& in, std::size_t layer, const Feed& feed,
                                        const ops::PositionBias& bias) {
  const LayerWeights& weights = model_.decoder().layers[layer];
  DropoutSeeds no_dropout;
  const at::Tensor packed = project(in, weights.self_query_key_value, no_dropout);
  std::vector<Keys> keys;
  for (std::size_t row = 0; row < hypotheses_.size(); ++row) {
    HypothesisCache& cache = hypotheses_[row];
    const std::int64_t count = feed.count(row);
    cache.reserve(layer, count, packed, 2 * width());
    cache.layers[layer]
        .narrow(0, cache.length, count)
        .copy_(packed.narrow(0, feed.offsets[row], count).narrow(1, width(), 2 * width()));
    keys.push_back({cache.layers[layer], cache.length + count});
  }
  return project(attend(packed, keys, feed, true, bias), weights.self_output, no_dropout);
}

at::Tensor TorchSession::attend_to_source(const at::Tensor& in, std::size_t layer, const Feed& feed,
                                          std::span<const HypothesisStep> rows) const {
  const LayerWeights& weights = model_.decoder().layers[layer];
  std::vector<Keys> keys;
  for (const HypothesisStep& row : rows) {
    const KeyValue& key_value = sources_.at(row.source)[layer];
    keys.push_back({key_value, key_value.size(0)});
  }
  DropoutSeeds no_dropout;
  const at::Tensor query = project(in, weights.cross_query, no_dropout);
  return project(attend(query, keys, feed, false, {}), weights.cross_output, no_dropout);
}

/// Final hidden states of each row's last token, [rows, D].
at::Tensor TorchSession::advance(const Feed& feed, std::span<const HypothesisStep> rows) {
  DropoutSeeds no_dropout;
  const std::int64_t longest = 1 + *std::max_element(feed.positions.begin(), feed.positions.end());
  const ops::PositionBias bias = model_.position_bias(true, longest);
  at::Tensor x = model_.embed(feed.ids, feed.positions, true);
  for (std::size_t layer = 0; layer < model_.decoder().layers.size(); ++layer) {
    const LayerWeights& weights = model_.decoder().layers[layer];
    x = residual_block(architecture_, x, weights.self_attention_norm, no_dropout,
                       [&](const at::Tensor& in) { return attend_to_self(in, layer, feed, bias); });
    if (weights.attends_to_source())
      x = residual_block(architecture_, x, weights.cross_attention_norm, no_dropout,
                         [&](const at::Tensor& in) { return attend_to_source(in, layer, feed, rows); });
    x = feed_forward_block(architecture_, x, weights, no_dropout);
  }
  std::vector<std::int64_t> last;
  for (std::size_t row = 0; row < hypotheses_.size(); ++row) {
    hypotheses_[row].length += feed.count(row);
    last.push_back(feed.offsets[row + 1] - 1);
  }
  return normalize(architecture_, x.index_select(0, at::tensor(last)), model_.decoder().final_norm);
}

Result<void> TorchSession::step(std::span<const HypothesisStep> rows, std::span<float> logits) {
  EPICRISIS_CHECK(logits.size() == rows.size() * static_cast<std::size_t>(architecture_.vocab_size));
  EPICRISIS_RETURN_IF_ERROR(check(rows));
  if (rows.empty()) {
    hypotheses_.clear();
    return {};
  }
  at::NoGradGuard no_gradients;
  hypotheses_ = continued(rows);
  const at::Tensor result = model_.output(advance(feed_of(rows), rows));
  std::copy_n(result.data_ptr<float>(), logits.size(), logits.data());
  return {};
}

}  // namespace

int TorchBackend::max_source_tokens() const noexcept { return max_tokens(model_.architecture()); }

Result<std::unique_ptr<DecodeSession>> TorchBackend::start_session() const {
  return std::unique_ptr<DecodeSession>(std::make_unique<TorchSession>(model_));
}

}  // namespace epicrisis::train
