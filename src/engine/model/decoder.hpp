#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/token_id.hpp"
#include "engine/float_buffer.hpp"
#include "engine/model/kv_cache.hpp"
#include "engine/model/model_weights.hpp"
#include "engine/thread_team.hpp"

namespace epicrisis::engine {

/// What the decoder keeps of one encoded source, shared by all of its hypotheses: cross-attention keys and
/// values.
struct SourceMemory {
  int length = 0;           ///< S
  FloatBuffer keys_values;  ///< [layers][key, value][H, S, Dh]: float32, or with narrower weights bfloat16.
};

/// One hypothesis in one pass of the decoder.
struct DecoderRow {
  std::span<const TokenId> tokens;       ///< To feed now; at least one.
  std::span<const KvCache::Slot> slots;  ///< Of all its positions, those of `tokens` last.
  const SourceMemory* source = nullptr;  ///< Of decoders that follow an encoder.
  int scored = 1;                        ///< How many of the last of `tokens` have logits in kLastLogits.
};

/// What a pass of the decoder writes.
enum class DecoderOutput {
  kLastLogits,   ///< [sum of scored, V]: after each row's last `scored` tokens.
  kLogits,       ///< [all tokens, V]
  kHiddenStates  ///< [all tokens, D]: the last layer's, after the final norm where there is one.
};

/// Runs the decoder stack over rows of several hypotheses. Keeps its working memory between calls; used by
/// one thread at a time.
class Decoder {
 public:
  Decoder(const ModelWeights& model, ThreadTeam& team)
      : model_(model), team_(team), bias_(model.decoder.bias, true) {}

  /// Room for the cross-attention keys and values of a source of `length` tokens.
  SourceMemory make_memory(int length) const;
  /// Computes those of one layer. hidden: [length, D], the encoder's output.
  void remember(SourceMemory& memory, int layer, const float* hidden);

  /// Feeds each row's tokens, writes their keys and values into `cache` and the output to `to`. Precondition:
  /// token ids are in the vocabulary, positions within the model's. Throws std::bad_alloc before it writes
  /// anything that an earlier step left.
  void run(std::span<const DecoderRow> rows, KvCache& cache, DecoderOutput output, float* to);

 private:
  /// One token being fed.
  struct Token {
    int position = 0;
    std::ptrdiff_t first_pointer = 0;  ///< Where its row's positions start in pointers_.
    KvCache::Slot slot = 0;
  };
  /// Tokens of one source that follow each other, which share the reading of its keys and values.
  struct Group {
    const SourceMemory* source = nullptr;
    int first = 0;
    int count = 0;
  };

  void project_memory(const AttentionWeights& weights, const float* hidden, int length, float* to);
  void plan(std::span<const DecoderRow> rows, KvCache& cache);
  void add_to_group(const SourceMemory* source, int token);
  void embed(std::span<const DecoderRow> rows);
  void self_attention(const AttentionWeights& weights, int layer, KvCache& cache);
  void cross_attention(const AttentionWeights& weights, int layer);
  int keep_scored_tokens(std::span<const DecoderRow> rows);
  void project(int count, DecoderOutput output, float* to);
  float* scores_of(int worker) { return scores_.data() + worker * scores_stride_; }

  const ModelWeights& model_;
  ThreadTeam& team_;
  PositionBiasTable bias_;
  std::vector<Token> tokens_;           // N
  std::vector<Group> groups_;           // none in a decoder-only model
  std::vector<const float*> pointers_;  // for each row, where its positions lie in the cache
  std::int64_t self_positions_ = 0;     // attended to, over all tokens
  std::int64_t cross_positions_ = 0;
  std::ptrdiff_t scores_stride_ = 0;
  FloatBuffer x_;        // [N, D]
  FloatBuffer normed_;   // [N, D]
  FloatBuffer qkv_;      // [3, N, H * Dh]
  FloatBuffer context_;  // [N, H * Dh]
  FloatBuffer hidden_;   // [N, F], two where gated
  FloatBuffer scores_;   // [workers, scores_stride_]
  FloatBuffer memory_;   // [2, H, S, Dh]: a layer's keys and values before they are rounded
  LinearScratch scratch_;
  std::vector<LinearOutput> outputs_;
};

}  // namespace epicrisis::engine
