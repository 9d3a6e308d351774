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
  Encoder(const ModelWeights& model, ThreadTeam& team)
      : model_(model), team_(team), bias_(model.encoder.bias, false) {}

  /// Encodes `sources` packed one after another without padding and returns the last hidden states, after the
  /// final norm where there is one, [total tokens, D], valid until the next call. Precondition: the model has
  /// an encoder, token ids are in the vocabulary and no source is empty or longer than the model's positions.
  const float* encode(std::span<const std::vector<TokenId>> sources);

 private:
  /// Some queries of one source: what one attention task handles for one head.
  struct QueryBlock {
    int source_token;  ///< Packed row of the source's first token.
    int length;        ///< S
    int first_query;
  };

  void plan(std::span<const std::vector<TokenId>> sources);
  void embed(std::span<const std::vector<TokenId>> sources);
  void self_attention(const AttentionWeights& weights);

  const ModelWeights& model_;
  ThreadTeam& team_;
  PositionBiasTable bias_;
  int tokens_ = 0;
  int longest_ = 0;
  FloatBuffer x_;        // [tokens, D]
  FloatBuffer normed_;   // [tokens, D]
  FloatBuffer qkv_;      // [3, H, tokens, Dh]: a head's rows lie together
  FloatBuffer context_;  // [tokens, H * Dh]
  FloatBuffer hidden_;   // [rows, F]
  FloatBuffer scores_;   // [workers, query block, S]
  LinearScratch scratch_;
  std::vector<LinearOutput> outputs_;
  std::vector<QueryBlock> blocks_;
  std::int64_t attention_operations_ = 0;  // per unit of H * Dh
};

}  // namespace epicrisis::engine
