#include "engine/model/decoder.hpp"

#include <algorithm>
#include <array>

#include "engine/kernels/attention.hpp"
#include "engine/kernels/bfloat16_matmul.hpp"
#include "engine/kernels/rowwise.hpp"
#include "engine/layers/block_attention.hpp"
#include "engine/layers/embedding.hpp"
#include "engine/layers/residual_block.hpp"

namespace epicrisis::engine {
namespace {

constexpr int kGroupTokens = 12;  // Whole register tiles of the product kernel on every processor.

}  // namespace

SourceMemory Decoder::make_memory(int length) const {
  const Architecture& a = model_.architecture;
  const std::size_t elements = 2 * static_cast<std::size_t>(a.decoder.layers) *
                               static_cast<std::size_t>(a.decoder.heads * a.head_dim) *
                               static_cast<std::size_t>(length);
  SourceMemory memory;
  memory.length = length;
  memory.keys_values.ensure(model_.type == ComputeType::kFloat32 ? elements : (elements + 1) / 2);
  return memory;
}

void Decoder::remember(SourceMemory& memory, int layer, const float* hidden) {
  const Architecture& a = model_.architecture;
  const AttentionWeights& weights = model_.decoder.layers[static_cast<std::size_t>(layer)].cross_attention;
  const std::ptrdiff_t elements = std::ptrdiff_t{2} * a.decoder.heads * a.head_dim * memory.length;
  float* const keys_values = memory.keys_values.data();
  if (model_.type == ComputeType::kFloat32)
    return project_memory(weights, hidden, memory.length, keys_values + layer * elements);
  float* const projected = memory_.ensure(static_cast<std::size_t>(elements));
  project_memory(weights, hidden, memory.length, projected);
  kernels::round_to_bfloat16(projected, static_cast<int>(elements),
                             reinterpret_cast<std::uint16_t*>(keys_values) + layer * elements);
}

// Writes one layer's [key, value][H, length, Dh].
void Decoder::project_memory(const AttentionWeights& weights, const float* hidden, int length, float* to) {
  const Architecture& a = model_.architecture;
  const std::ptrdiff_t head_elements = static_cast<std::ptrdiff_t>(length) * a.head_dim;
  outputs_.clear();
  for (const LinearWeights* projection : {&weights.key, &weights.value}) {
    for (int head = 0; head < a.decoder.heads; ++head, to += head_elements)
      outputs_.push_back({projection->rows(head * a.head_dim, a.head_dim), to, a.head_dim});
  }
  linear(team_, scratch_, {hidden, a.d_model, length}, outputs_);
}

void Decoder::run(std::span<const DecoderRow> rows, KvCache& cache, DecoderOutput output, float* to) {
  plan(rows, cache);
  embed(rows);
  int count = static_cast<int>(tokens_.size());
  const std::vector<Layer>& layers = model_.decoder.layers;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    self_attention(layers[i].self_attention, static_cast<int>(i), cache);
    if (!groups_.empty()) cross_attention(layers[i].cross_attention, static_cast<int>(i));
    feed_forward_block(team_, scratch_, model_.architecture, layers[i].feed_forward, x_.data(), count,
                       normed_.data(), hidden_);
  }
  if (output == DecoderOutput::kLastLogits) count = keep_scored_tokens(rows);
  if (count > 0) project(count, output, to);
}

// Lists the tokens, where their positions lie, and what they share; makes room for the activations.
void Decoder::plan(std::span<const DecoderRow> rows, KvCache& cache) {
  const Architecture& a = model_.architecture;
  tokens_.clear();
  groups_.clear();
  pointers_.clear();
  self_positions_ = cross_positions_ = 0;
  const bool has_encoder = a.topology == Topology::kEncoderDecoder;
  int longest = 0;
  std::ptrdiff_t longest_source = 0;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const DecoderRow& row = rows[r];
    const auto first_pointer = static_cast<std::ptrdiff_t>(pointers_.size());
    for (const KvCache::Slot slot : row.slots) pointers_.push_back(cache.position(slot));
    const std::size_t past = row.slots.size() - row.tokens.size();
    for (std::size_t i = 0; i < row.tokens.size(); ++i) {
      if (has_encoder) add_to_group(row.source, static_cast<int>(tokens_.size()));
      tokens_.push_back({static_cast<int>(past + i), first_pointer, row.slots[past + i]});
      self_positions_ += static_cast<std::int64_t>(past + i + 1);
    }
    longest = std::max(longest, static_cast<int>(row.slots.size()));
    if (has_encoder) longest_source = std::max<std::ptrdiff_t>(longest_source, row.source->length);
  }
  const std::size_t count = tokens_.size();
  const auto inner = static_cast<std::size_t>(a.decoder.heads * a.head_dim);
  x_.ensure(count * static_cast<std::size_t>(a.d_model));
  normed_.ensure(count * static_cast<std::size_t>(a.d_model));
  qkv_.ensure(3 * count * inner);
  context_.ensure(count * inner);
  scores_stride_ = std::max<std::ptrdiff_t>(longest, kGroupTokens * longest_source);
  scores_.ensure(static_cast<std::size_t>(team_.size()) * static_cast<std::size_t>(scores_stride_));
  bias_.extend(longest);
}

void Decoder::add_to_group(const SourceMemory* source, int token) {
  if (groups_.empty() || groups_.back().source != source || groups_.back().count == kGroupTokens)
    groups_.push_back({source, token, 0});
  ++groups_.back().count;
  cross_positions_ += source->length;
}

void Decoder::embed(std::span<const DecoderRow> rows) {
  const Architecture& a = model_.architecture;
  std::size_t index = 0;
  for (const DecoderRow& row : rows) {
    for (const TokenId token : row.tokens) {
      embed_token(model_, token, model_.decoder.positions.row(tokens_[index].position),
                  x_.data() + static_cast<std::ptrdiff_t>(index) * a.d_model);
      ++index;
    }
  }
  if (a.embedding_norm)
    normalize(team_, a, model_.decoder.embedding_norm, x_.data(), static_cast<int>(index), x_.data());
}

void Decoder::self_attention(const AttentionWeights& weights, int layer, KvCache& cache) {
  const Architecture& a = model_.architecture;
  const int heads = a.decoder.heads;
  const int count = static_cast<int>(tokens_.size());
  const std::ptrdiff_t inner = static_cast<std::ptrdiff_t>(heads) * a.head_dim;
  float* queries = qkv_.data();
  float* keys = queries + count * inner;
  float* values = keys + count * inner;
  const float* input = block_input(team_, a, weights.norm, x_.data(), count, normed_.data());
  const std::array projections{LinearOutput{weights.query, queries, inner},
                               LinearOutput{weights.key, keys, inner},
                               LinearOutput{weights.value, values, inner}};
  linear(team_, scratch_, {input, a.d_model, count}, projections);
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
    args.bias = bias_.row(task % heads, token.position);
    args.scores = scores_of(worker);
    args.out = context_.data() + task / heads * inner + head;
    kernels::cached_attention(args);
  });
  const std::array output{LinearOutput{weights.output, x_.data(), a.d_model}};
  linear(team_, scratch_, {context_.data(), inner, count}, output, LinearMode::kAdd);
  finish_block(team_, a, weights.norm, x_.data(), count);
}

void Decoder::cross_attention(const AttentionWeights& weights, int layer) {
  const Architecture& a = model_.architecture;
  const int heads = a.decoder.heads;
  const int count = static_cast<int>(tokens_.size());
  const std::ptrdiff_t inner = static_cast<std::ptrdiff_t>(heads) * a.head_dim;
  const float* input = block_input(team_, a, weights.norm, x_.data(), count, normed_.data());
  const std::array query{LinearOutput{weights.query, qkv_.data(), inner}};
  linear(team_, scratch_, {input, a.d_model, count}, query);
  team_.run(static_cast<int>(groups_.size()) * heads, 2 * cross_positions_ * inner,
            [&](int task, int worker) noexcept {
              const Group& group = groups_[static_cast<std::size_t>(task / heads)];
              const int head = task % heads;
              const int length = group.source->length;
              const std::ptrdiff_t head_elements = static_cast<std::ptrdiff_t>(length) * a.head_dim;
              const std::ptrdiff_t first =
                  group.first * inner + static_cast<std::ptrdiff_t>(head) * a.head_dim;
              BlockAttention attention;
              attention.queries = qkv_.data() + first;
              attention.query_stride = inner;
              attention.query_count = group.count;
              const std::ptrdiff_t keys = (2 * layer * heads + head) * head_elements;
              const std::ptrdiff_t values = keys + heads * head_elements;
              const float* memory = group.source->keys_values.data();
              if (model_.type == ComputeType::kFloat32) {
                attention.keys = memory + keys;
                attention.values = memory + values;
              } else {
                attention.keys_bfloat16 = reinterpret_cast<const std::uint16_t*>(memory) + keys;
                attention.values_bfloat16 = reinterpret_cast<const std::uint16_t*>(memory) + values;
              }
              attention.length = length;
              attention.head_dim = a.head_dim;
              attention.scale = a.attention_scale;
              attention.scores = scores_of(worker);
              attention.out = context_.data() + first;
              attention.out_stride = inner;
              attend(attention);
            });
  const std::array output{LinearOutput{weights.output, x_.data(), a.d_model}};
  linear(team_, scratch_, {context_.data(), inner, count}, output, LinearMode::kAdd);
  finish_block(team_, a, weights.norm, x_.data(), count);
}

// Moves each row's scored tokens up, row after row, which is never down; returns how many they are.
int Decoder::keep_scored_tokens(std::span<const DecoderRow> rows) {
  const std::ptrdiff_t width = model_.architecture.d_model;
  std::ptrdiff_t past_row = 0;
  std::ptrdiff_t kept = 0;
  for (const DecoderRow& row : rows) {
    past_row += static_cast<std::ptrdiff_t>(row.tokens.size());
    for (std::ptrdiff_t token = past_row - row.scored; token < past_row; ++token, ++kept) {
      if (token != kept) std::copy_n(x_.data() + token * width, width, x_.data() + kept * width);
    }
  }
  return static_cast<int>(kept);
}

void Decoder::project(int count, DecoderOutput output, float* to) {
  const Architecture& a = model_.architecture;
  float* x = x_.data();
  if (a.final_norm) normalize(team_, a, model_.decoder.final_norm, x, count, x);
  const std::ptrdiff_t elements = static_cast<std::ptrdiff_t>(count) * a.d_model;
  if (output == DecoderOutput::kHiddenStates) {
    std::copy_n(x, elements, to);
    return;
  }
  if (a.output_scale != 1.0F)
    for (float* row = x; row != x + elements; row += a.d_model)
      kernels::scale_add(row, a.output_scale, nullptr, a.d_model, row);
  const std::array projection{LinearOutput{model_.output, to, a.vocab_size}};
  linear(team_, scratch_, {x, a.d_model, count}, projection);
}

}  // namespace epicrisis::engine
