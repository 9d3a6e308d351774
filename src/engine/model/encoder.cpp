#include "engine/model/encoder.hpp"

#include <algorithm>
#include <array>

#include "engine/kernels/cpu_extensions.hpp"
#include "engine/layers/embedding.hpp"
#include "engine/layers/residual_block.hpp"
#include "engine/layers/tiled_attention.hpp"

namespace epicrisis::engine {

Encoder::Encoder(const ModelWeights& model, ThreadTeam& team)
    : model_(model),
      team_(team),
      bias_(model.encoder.bias, false),
      is_narrow_(model.type != ComputeType::kFloat32 && kernels::cpu_extensions().bfloat16 &&
                 model.architecture.head_dim % 2 == 0) {}

const float* Encoder::encode(std::span<const std::vector<TokenId>> sources) {
  begin(sources);
  while (!advance()) {
  }
  return hidden();
}

void Encoder::begin(std::span<const std::vector<TokenId>> sources) {
  plan(sources);
  embed(sources);
  layer_ = 0;
}

bool Encoder::advance() {
  const Architecture& a = model_.architecture;
  const std::vector<Layer>& layers = model_.encoder.layers;
  if (layer_ < layers.size()) {
    const Layer& layer = layers[layer_++];
    self_attention(layer.self_attention);
    feed_forward_block(team_, scratch_, a, layer.feed_forward, x_.data(), tokens_, normed_.data(), hidden_);
  }
  if (layer_ < layers.size()) return false;
  if (a.final_norm) normalize(team_, a, model_.encoder.final_norm, x_.data(), tokens_, x_.data());
  return true;
}

// Lists the blocks of queries; makes room for the activations and extends the table of biases.
void Encoder::plan(std::span<const std::vector<TokenId>> sources) {
  const Architecture& a = model_.architecture;
  tokens_ = 0;
  int longest = 0;
  attention_operations_ = 0;
  blocks_.clear();
  tiles_.clear();
  for (const auto& source : sources) {
    const int length = static_cast<int>(source.size());
    const int first_tile = static_cast<int>(tiles_.size());
    for (int query = 0; query < length; query += kQueryBlock)
      blocks_.push_back({tokens_, length, query, first_tile});
    for (int key = 0; key < length; key += kKeyTile)
      tiles_.push_back({tokens_ + key, std::min(kKeyTile, length - key)});
    tokens_ += length;
    longest = std::max(longest, length);
    attention_operations_ += 2 * std::int64_t{length} * length;
  }
  const auto tokens = static_cast<std::size_t>(tokens_);
  const auto inner = static_cast<std::size_t>(a.encoder.heads * a.head_dim);
  x_.ensure(tokens * static_cast<std::size_t>(a.d_model));
  normed_.ensure(tokens * static_cast<std::size_t>(a.d_model));
  qkv_.ensure(3 * tokens * inner);
  context_.ensure(tokens * inner);
  packed_.ensure(static_cast<std::size_t>(a.encoder.heads) * tiles_.size() *
                 tile_floats(a.head_dim, is_narrow_));
  tile_scratch_.ensure(static_cast<std::size_t>(team_.size()) * tile_scratch_floats(a.head_dim));
  bias_.extend(longest);
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

  attend_all();
  const std::array output{LinearOutput{weights.output, x_.data(), a.d_model}};
  linear(team_, scratch_, {context_.data(), inner, tokens_}, output, LinearMode::kAdd);
  finish_block(team_, a, weights.norm, x_.data(), tokens_);
}

// context_ = softmax(scale * q * k^T + bias) * v of all sources and heads. Keys and values are packed once
// for all of a source's queries.
void Encoder::attend_all() {
  const Architecture& a = model_.architecture;
  const int heads = a.encoder.heads;
  const std::ptrdiff_t head_elements = static_cast<std::ptrdiff_t>(tokens_) * a.head_dim;
  const float* keys = qkv_.data() + heads * head_elements;
  const float* values = keys + heads * head_elements;
  const auto tile_size = static_cast<std::ptrdiff_t>(tile_floats(a.head_dim, is_narrow_));
  const auto tile_count = static_cast<std::ptrdiff_t>(tiles_.size());
  const auto scratch_of = [&](int worker) noexcept {
    return tile_scratch_.data() + worker * static_cast<std::ptrdiff_t>(tile_scratch_floats(a.head_dim));
  };
  team_.run(
      heads * static_cast<int>(tiles_.size()), 4 * heads * head_elements, [&](int task, int worker) noexcept {
        const KeyTile& tile = tiles_[static_cast<std::size_t>(task) % tiles_.size()];
        const std::ptrdiff_t first =
            task / tile_count * head_elements + static_cast<std::ptrdiff_t>(tile.first_token) * a.head_dim;
        pack_tile(keys + first, values + first, tile.count, a.head_dim, is_narrow_,
                  packed_.data() + task * tile_size, scratch_of(worker));
      });
  const std::ptrdiff_t inner = static_cast<std::ptrdiff_t>(heads) * a.head_dim;
  team_.run(heads * static_cast<int>(blocks_.size()), attention_operations_ * inner,
            [&](int task, int worker) noexcept {
              const QueryBlock& block = blocks_[static_cast<std::size_t>(task / heads)];
              const int head = task % heads;
              const std::ptrdiff_t source =
                  head * head_elements + static_cast<std::ptrdiff_t>(block.source_token) * a.head_dim;
              TiledAttention attention;
              attention.queries =
                  qkv_.data() + source + static_cast<std::ptrdiff_t>(block.first_query) * a.head_dim;
              attention.query_count = std::min(kQueryBlock, block.length - block.first_query);
              attention.tiles = packed_.data() + (head * tile_count + block.first_tile) * tile_size;
              attention.values = values + source;
              attention.length = block.length;
              attention.head_dim = a.head_dim;
              attention.narrow = is_narrow_;
              attention.scale = a.attention_scale;
              attention.bias = bias_.row(head, block.first_query);
              attention.scratch = scratch_of(worker);
              attention.out = context_.data() + (block.source_token + block.first_query) * inner +
                              static_cast<std::ptrdiff_t>(head) * a.head_dim;
              attention.out_stride = inner;
              attend_tiled(attention);
            });
}

}  // namespace epicrisis::engine
