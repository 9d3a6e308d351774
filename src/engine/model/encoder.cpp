#include "engine/model/encoder.hpp"

#include <algorithm>
#include <array>

#include "engine/kernels/matmul.hpp"
#include "engine/kernels/rowwise.hpp"
#include "engine/layers/embedding.hpp"
#include "engine/layers/residual_block.hpp"

namespace epicrisis::engine {
namespace {

constexpr int kQueryBlock = 48;  // Queries of one attention task: a row block of the product kernel.

}  // namespace

const float* Encoder::encode(std::span<const std::vector<TokenId>> sources) {
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

  embed(sources);
  for (const EncoderLayer& layer : model_.encoder) {
    attend(layer.self_attention);
    feed_forward_block(team_, a, layer.feed_forward, x_.data(), tokens_, normed_.data(), hidden_);
  }
  normalize(team_, a, model_.encoder_final_norm, x_.data(), tokens_, x_.data());
  return x_.data();
}

void Encoder::embed(std::span<const std::vector<TokenId>> sources) {
  const std::ptrdiff_t width = model_.architecture.d_model;
  float* row = x_.data();
  for (const auto& source : sources) {
    for (std::size_t p = 0; p < source.size(); ++p, row += width)
      embed_token(model_, source[p], model_.encoder_positions.row(static_cast<int>(p)), row);
  }
}

// x += output(softmax(scale * q * k^T) * v), each source attending to itself.
void Encoder::attend(const AttentionWeights& weights) {
  const Architecture& a = model_.architecture;
  const int heads = a.encoder.heads;
  const std::ptrdiff_t inner = static_cast<std::ptrdiff_t>(heads) * a.head_dim;
  const std::ptrdiff_t head_elements = static_cast<std::ptrdiff_t>(tokens_) * a.head_dim;
  normalize(team_, a, weights.norm, x_.data(), tokens_, normed_.data());
  outputs_.clear();
  float* destination = qkv_.data();
  for (const LinearWeights* projection : {&weights.query, &weights.key, &weights.value}) {
    for (int head = 0; head < heads; ++head, destination += head_elements)
      outputs_.push_back({projection->rows(head * a.head_dim, a.head_dim), destination, a.head_dim});
  }
  linear(team_, {normed_.data(), a.d_model, tokens_}, outputs_);

  team_.run(heads * static_cast<int>(blocks_.size()), attention_operations_ * inner,
            [&](int task, int worker) noexcept {
              const QueryBlock& block = blocks_[static_cast<std::size_t>(task / heads)];
              const int head = task % heads;
              const float* rows = qkv_.data() + head * head_elements +
                                  static_cast<std::ptrdiff_t>(block.source_token) * a.head_dim;
              float* scores = scores_.data() + static_cast<std::ptrdiff_t>(worker) * kQueryBlock * longest_;
              kernels::MatMulArgs product;
              product.m = std::min(kQueryBlock, block.length - block.first_query);
              product.n = block.length;
              product.k = a.head_dim;
              product.a = rows + static_cast<std::ptrdiff_t>(block.first_query) * a.head_dim;
              product.a_stride = product.b_stride = a.head_dim;
              product.b = rows + heads * head_elements;
              product.c = scores;
              product.c_stride = block.length;
              kernels::matmul_nt(product);
              for (int row = 0; row < product.m; ++row)
                kernels::softmax(scores + static_cast<std::ptrdiff_t>(row) * block.length, a.attention_scale,
                                 block.length);
              product.a = scores;
              product.a_stride = block.length;
              product.b = rows + 2 * heads * head_elements;
              product.c =
                  context_.data() + (block.source_token + block.first_query) * inner + head * a.head_dim;
              product.c_stride = inner;
              product.n = a.head_dim;
              product.k = block.length;
              kernels::matmul_nn(product);
            });
  const std::array output{LinearOutput{weights.output, x_.data(), a.d_model}};
  linear(team_, {context_.data(), inner, tokens_}, output, LinearMode::kAdd);
}

}  // namespace epicrisis::engine
