#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/token_id.hpp"
#include "engine/float_buffer.hpp"
#include "engine/model/model_weights.hpp"
#include "engine/thread_team.hpp"

namespace epicrisis::engine {

/// Runs the encoder stack over ragged batches. Keeps its working memory between calls; used by one thread at
/// a time.
class Encoder {
 public:
  Encoder(const ModelWeights& model, ThreadTeam& team);

  /// Encodes `sources` packed one after another without padding and returns the last hidden states, after the
  /// final norm where there is one, [total tokens, D], valid until the next call. Precondition: the model has
  /// an encoder, token ids are in the vocabulary and no source is empty or longer than the model's positions.
  const float* encode(std::span<const std::vector<TokenId>> sources);
  /// encode() in parts: begin(), then advance() until it returns true, then hidden() is what encode()
  /// returns.
  void begin(std::span<const std::vector<TokenId>> sources);
  /// Computes the next layer; true when there is none left.
  bool advance();
  const float* hidden() const { return x_.data(); }

 private:
  /// Some queries of one source: what one attention task handles for one head.
  struct QueryBlock {
    int source_token;  ///< Packed row of the source's first token.
    int length;        ///< S
    int first_query;
    int first_tile;  ///< Of the source, in tiles_.
  };
  /// Some keys of one source.
  struct KeyTile {
    int first_token;  ///< Packed row.
    int count;
  };

  void plan(std::span<const std::vector<TokenId>> sources);
  void embed(std::span<const std::vector<TokenId>> sources);
  void self_attention(const AttentionWeights& weights);
  void attend_all();

  const ModelWeights& model_;
  ThreadTeam& team_;
  PositionBiasTable bias_;
  bool is_narrow_;  ///< Attention multiplies bfloat16 elements.
  std::size_t layer_ = 0;  // the next one
  int tokens_ = 0;
  FloatBuffer x_;             // [tokens, D]
  FloatBuffer normed_;        // [tokens, D]
  FloatBuffer qkv_;           // [3, H, tokens, Dh]: a head's rows lie together
  FloatBuffer context_;       // [tokens, H * Dh]
  FloatBuffer hidden_;        // [rows, F]
  FloatBuffer packed_;        // [H, tiles]: keys, and where narrow values
  FloatBuffer tile_scratch_;  // [workers]
  LinearScratch scratch_;
  std::vector<LinearOutput> outputs_;
  std::vector<QueryBlock> blocks_;
  std::vector<KeyTile> tiles_;
  std::int64_t attention_operations_ = 0;  // per unit of H * Dh
};

}  // namespace epicrisis::engine
