#include "engine/model/encoder.hpp"

#include <algorithm>
#include <array>

#include "engine/layers/block_attention.hpp"
#include "engine/layers/embedding.hpp"
#include "engine/layers/residual_block.hpp"

namespace epicrisis::engine {
namespace {

constexpr int kQueryBlock = 48;  // Queries of one attention task: a row block of the product kernel.

}  // namespace

const float* Encoder::encode(std::span<const std::vector<TokenId>> sources) {
  const Architecture& a = model_.architecture;
  plan(sources);
  embed(sources);
  for (const Layer& layer : model_.encoder.layers) {
    self_attention(layer.self_attention);
    feed_forward_block(team_, scratch_, a, layer.feed_forward, x_.data(), tokens_, normed_.data(), hidden_);
  }
  if (a.final_norm) normalize(team_, a, model_.encoder.final_norm, x_.data(), tokens_, x_.data());
  return x_.data();
}

// Lists the blocks of queries; makes room for the activations and extends the table of biases.
void Encoder::plan(std::span<const std::vector<TokenId>> sources) {
  const Architecture& a = model_.architecture;
  tokens_ = 0;
  longest_ = 0;
  attention_operations_ = 0;
  blocks_.clear();
  for (const auto& source : sources) {
    const int length = static_cast<int>(source.size());
    for (int query = 0; query < length; query += kQueryBlock) blocks_.push_back({tokens_, length, query});
    tokens_ += length;
    longest_ = std::max(longest_, length);
    attention_operations_ += 2 * std::int64_t{length} * length;
  }
  const auto tokens = static_cast<std::size_t>(tokens_);
  const auto inner = static_cast<std::size_t>(a.encoder.heads * a.head_dim);
  x_.ensure(tokens * static_cast<std::size_t>(a.d_model));
  normed_.ensure(tokens * static_cast<std::size_t>(a.d_model));
  qkv_.ensure(3 * tokens * inner);
  context_.ensure(tokens * inner);
  scores_.ensure(static_cast<std::size_t>(team_.size()) * kQueryBlock * static_cast<std::size_t>(longest_));
  bias_.extend(longest_);
}

void Encoder::embed(std::span<const std::vector<TokenId>> sources) {
  const Architecture& a = model_.architecture;
  float* row = x_.data();
  for (const auto& source : sources) {
    for (std::size_t p = 0; p < source.size(); ++p, row += a.d_model)
      embed_token(model_, source[p], model_.encoder.positions.row(static_cast<int>(p)), row);
  }
  if (a.embedding_norm) normalize(team_, a, model_.encoder.embedding_norm, x_.data(), tokens_, x_.data());
}

// The residual block of output(softmax(scale * q * k^T + bias) * v), each source attending to itself.
void Encoder::self_attention(const AttentionWeights& weights) {
  const Architecture& a = model_.architecture;
  const int heads = a.encoder.heads;
  const std::ptrdiff_t inner = static_cast<std::ptrdiff_t>(heads) * a.head_dim;
  const std::ptrdiff_t head_elements = static_cast<std::ptrdiff_t>(tokens_) * a.head_dim;
  const float* input = block_input(team_, a, weights.norm, x_.data(), tokens_, normed_.data());
  outputs_.clear();
  float* destination = qkv_.data();
  for (const LinearWeights* projection : {&weights.query, &weights.key, &weights.value}) {
    for (int head = 0; head < heads; ++head, destination += head_elements)
      outputs_.push_back({projection->rows(head * a.head_dim, a.head_dim), destination, a.head_dim});
  }
  linear(team_, scratch_, {input, a.d_model, tokens_}, outputs_);

  team_.run(heads * static_cast<int>(blocks_.size()), attention_operations_ * inner,
            [&](int task, int worker) noexcept {
              const QueryBlock& block = blocks_[static_cast<std::size_t>(task / heads)];
              const int head = task % heads;
              const float* rows = qkv_.data() + head * head_elements +
                                  static_cast<std::ptrdiff_t>(block.source_token) * a.head_dim;
              BlockAttention attention;
              attention.queries = rows + static_cast<std::ptrdiff_t>(block.first_query) * a.head_dim;
              attention.query_stride = a.head_dim;
              attention.query_count = std::min(kQueryBlock, block.length - block.first_query);
              attention.keys = rows + heads * head_elements;
              attention.values = rows + 2 * heads * head_elements;
              attention.length = block.length;
              attention.head_dim = a.head_dim;
              attention.scale = a.attention_scale;
              attention.bias = bias_.row(head, block.first_query);
              attention.scores =
                  scores_.data() + static_cast<std::ptrdiff_t>(worker) * kQueryBlock * longest_;
              attention.out =
                  context_.data() + (block.source_token + block.first_query) * inner + head * a.head_dim;
              attention.out_stride = inner;
              attend(attention);
            });
  const std::array output{LinearOutput{weights.output, x_.data(), a.d_model}};
  linear(team_, scratch_, {context_.data(), inner, tokens_}, output, LinearMode::kAdd);
  finish_block(team_, a, weights.norm, x_.data(), tokens_);
}

}  // namespace epicrisis::engine
