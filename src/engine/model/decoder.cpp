#include "engine/model/decoder.hpp"

#include <algorithm>
#include <array>

#include "engine/kernels/attention.hpp"
#include "engine/kernels/matmul.hpp"
#include "engine/kernels/rowwise.hpp"
#include "engine/layers/embedding.hpp"
#include "engine/layers/residual_block.hpp"

namespace epicrisis::engine {
namespace {

constexpr int kGroupTokens = 12;  // Whole register tiles of the product kernel on every processor.

}  // namespace

SourceMemory Decoder::remember(const float* hidden, int length) {
  const Architecture& a = model_.architecture;
  const int heads = a.decoder.heads;
  const std::ptrdiff_t head_elements = static_cast<std::ptrdiff_t>(length) * a.head_dim;
  SourceMemory memory;
  memory.length = length;
  float* destination =
      memory.keys_values.ensure(static_cast<std::size_t>(2 * a.decoder.layers * heads * head_elements));
  outputs_.clear();
  for (const DecoderLayer& layer : model_.decoder) {
    for (const LinearWeights* projection : {&layer.cross_attention.key, &layer.cross_attention.value}) {
      for (int head = 0; head < heads; ++head, destination += head_elements)
        outputs_.push_back({projection->rows(head * a.head_dim, a.head_dim), destination, a.head_dim});
    }
  }
  linear(team_, {hidden, a.d_model, length}, outputs_);
  return memory;
}

void Decoder::run(std::span<const DecoderRow> rows, KvCache& cache, LogitsOf which, float* logits) {
  plan(rows, cache);
  embed(rows);
  const int count = static_cast<int>(tokens_.size());
  for (std::size_t i = 0; i < model_.decoder.size(); ++i) {
    const DecoderLayer& layer = model_.decoder[i];
    self_attention(layer.self_attention, static_cast<int>(i), cache);
    cross_attention(layer.cross_attention, static_cast<int>(i));
    feed_forward_block(team_, model_.architecture, layer.feed_forward, x_.data(), count, normed_.data(),
                       hidden_);
  }
  project(rows, which, logits);
}

// Lists the tokens, where their positions lie, and what they share; makes room for the activations.
void Decoder::plan(std::span<const DecoderRow> rows, KvCache& cache) {
  const Architecture& a = model_.architecture;
  tokens_.clear();
  groups_.clear();
  pointers_.clear();
  self_positions_ = cross_positions_ = 0;
  int longest = 0;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const DecoderRow& row = rows[r];
    const auto first_pointer = static_cast<std::ptrdiff_t>(pointers_.size());
    for (const KvCache::Slot slot : row.slots) pointers_.push_back(cache.position(slot));
    const std::size_t past = row.slots.size() - row.tokens.size();
    for (std::size_t i = 0; i < row.tokens.size(); ++i) {
      const int index = static_cast<int>(tokens_.size());
      if (groups_.empty() || groups_.back().source != row.source || groups_.back().count == kGroupTokens)
        groups_.push_back({row.source, index, 0});
      ++groups_.back().count;
      tokens_.push_back(
          {static_cast<int>(r), static_cast<int>(past + i), first_pointer, row.slots[past + i]});
      self_positions_ += static_cast<std::int64_t>(past + i + 1);
      cross_positions_ += row.source->length;
    }
    longest = std::max({longest, static_cast<int>(row.slots.size()), kGroupTokens * row.source->length});
  }
  const std::size_t count = tokens_.size();
  const auto inner = static_cast<std::size_t>(a.decoder.heads * a.head_dim);
  x_.ensure(count * static_cast<std::size_t>(a.d_model));
  normed_.ensure(count * static_cast<std::size_t>(a.d_model));
  qkv_.ensure(3 * count * inner);
  context_.ensure(count * inner);
  scores_stride_ = longest;
  scores_.ensure(static_cast<std::size_t>(team_.size()) * static_cast<std::size_t>(longest));
}

void Decoder::embed(std::span<const DecoderRow> rows) {
  const std::ptrdiff_t width = model_.architecture.d_model;
  std::size_t index = 0;
  for (const DecoderRow& row : rows) {
    for (const TokenId token : row.tokens) {
      embed_token(model_, token, model_.decoder_positions.row(tokens_[index].position),
                  x_.data() + static_cast<std::ptrdiff_t>(index) * width);
      ++index;
    }
  }
}

void Decoder::self_attention(const AttentionWeights& weights, int layer, KvCache& cache) {
  const Architecture& a = model_.architecture;
  const int heads = a.decoder.heads;
  const int count = static_cast<int>(tokens_.size());
  const std::ptrdiff_t inner = static_cast<std::ptrdiff_t>(heads) * a.head_dim;
  float* queries = qkv_.data();
  float* keys = queries + count * inner;
  float* values = keys + count * inner;
  normalize(team_, a, weights.norm, x_.data(), count, normed_.data());
  const std::array projections{LinearOutput{weights.query, queries, inner},
                               LinearOutput{weights.key, keys, inner},
                               LinearOutput{weights.value, values, inner}};
  linear(team_, {normed_.data(), a.d_model, count}, projections);
  for (int i = 0; i < count; ++i) {
    float* position = cache.position(tokens_[static_cast<std::size_t>(i)].slot);
    std::copy_n(keys + i * inner, inner, position + cache.key_offset(layer));
    std::copy_n(values + i * inner, inner, position + cache.value_offset(layer));
  }
  team_.run(count * heads, 2 * self_positions_ * inner, [&](int task, int worker) noexcept {
    const Token& token = tokens_[static_cast<std::size_t>(task / heads)];
    const std::ptrdiff_t head = static_cast<std::ptrdiff_t>(task % heads) * a.head_dim;
    kernels::CachedAttentionArgs args;
    args.query = queries + task / heads * inner + head;
    args.positions = pointers_.data() + token.first_pointer;
    args.key_offset = cache.key_offset(layer) + head;
    args.value_offset = cache.value_offset(layer) + head;
    args.length = token.position + 1;
    args.head_dim = a.head_dim;
    args.scale = a.attention_scale;
    args.scores = scores_of(worker);
    args.out = context_.data() + task / heads * inner + head;
    kernels::cached_attention(args);
  });
  const std::array output{LinearOutput{weights.output, x_.data(), a.d_model}};
  linear(team_, {context_.data(), inner, count}, output, LinearMode::kAdd);
}

void Decoder::cross_attention(const AttentionWeights& weights, int layer) {
  const Architecture& a = model_.architecture;
  const int heads = a.decoder.heads;
  const int count = static_cast<int>(tokens_.size());
  const std::ptrdiff_t inner = static_cast<std::ptrdiff_t>(heads) * a.head_dim;
  normalize(team_, a, weights.norm, x_.data(), count, normed_.data());
  const std::array query{LinearOutput{weights.query, qkv_.data(), inner}};
  linear(team_, {normed_.data(), a.d_model, count}, query);
  team_.run(
      static_cast<int>(groups_.size()) * heads, 2 * cross_positions_ * inner,
      [&](int task, int worker) noexcept {
        const Group& group = groups_[static_cast<std::size_t>(task / heads)];
        const int head = task % heads;
        const int length = group.source->length;
        const std::ptrdiff_t head_elements = static_cast<std::ptrdiff_t>(length) * a.head_dim;
        const std::ptrdiff_t first = group.first * inner + static_cast<std::ptrdiff_t>(head) * a.head_dim;
        const float* keys = group.source->keys_values.data() + (2 * layer * heads + head) * head_elements;
        float* scores = scores_of(worker);
        kernels::MatMulArgs product;
        product.a = qkv_.data() + first;
        product.a_stride = inner;
        product.b = keys;
        product.b_stride = a.head_dim;
        product.c = scores;
        product.c_stride = length;
        product.m = group.count;
        product.n = length;
        product.k = a.head_dim;
        kernels::matmul_nt(product);
        for (int row = 0; row < group.count; ++row)
          kernels::softmax(scores + static_cast<std::ptrdiff_t>(row) * length, a.attention_scale, length);
        product.a = scores;
        product.a_stride = length;
        product.b = keys + heads * head_elements;
        product.c = context_.data() + first;
        product.c_stride = inner;
        product.n = a.head_dim;
        product.k = length;
        kernels::matmul_nn(product);
      });
  const std::array output{LinearOutput{weights.output, x_.data(), a.d_model}};
  linear(team_, {context_.data(), inner, count}, output, LinearMode::kAdd);
}

void Decoder::project(std::span<const DecoderRow> rows, LogitsOf which, float* logits) {
  const Architecture& a = model_.architecture;
  int count = static_cast<int>(tokens_.size());
  if (which == LogitsOf::kLastToken) {
    // Each row's last token moves up to its row's place, which is never behind it.
    std::ptrdiff_t last = -1;
    for (std::size_t r = 0; r < rows.size(); ++r) {
      last += static_cast<std::ptrdiff_t>(rows[r].tokens.size());
      float* to = x_.data() + static_cast<std::ptrdiff_t>(r) * a.d_model;
      if (last != static_cast<std::ptrdiff_t>(r)) std::copy_n(x_.data() + last * a.d_model, a.d_model, to);
    }
    count = static_cast<int>(rows.size());
  }
  normalize(team_, a, model_.decoder_final_norm, x_.data(), count, normed_.data());
  const std::array output{LinearOutput{model_.output, logits, a.vocab_size}};
  linear(team_, {normed_.data(), a.d_model, count}, output);
}

}  // namespace epicrisis::engine
