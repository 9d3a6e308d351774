#pragma once

#include <cstdint>

#include "train/kernels/cpu_kernels.hpp"

namespace epicrisis::train {

/// One head of one sequence: rows of queries [queries, head_dim] and of keys and values [keys, head_dim],
/// where they lie inside wider matrices. In backward a second one of these receives the gradients.
struct AttentionRows {
  float* query = nullptr;
  float* key = nullptr;
  float* value = nullptr;
  std::int64_t queries = 0;
  std::int64_t keys = 0;
  std::int64_t head_dim = 0;
  std::int64_t query_stride = 0;
  std::int64_t key_stride = 0;
  /// What distances add to scaled scores: element d for a key d positions after its query (Raffel et al.
  /// 2020, section 2.1; Press et al. 2022). Null: nothing. In backward, gradients are added to it.
  float* bias = nullptr;
};

struct AttentionMask {
  float scale = 1.0F;
  bool causal = false;           ///< A query sees keys up to its own position.
  std::int64_t first_query = 0;  ///< Position of query 0 among the keys.
  kernels::DropoutStream dropout;
};

/// Attention of one head on the calling thread, a block of queries at a time, so that scores stay in cache
/// and are never stored (Dao et al. 2022, without tiling over keys). out: [queries, head_dim] with stride
/// out_stride; log_sums: [queries].
void attention_forward(const AttentionRows& rows, const AttentionMask& mask, float* out,
                       std::int64_t out_stride, float* log_sums);
/// Writes (does not add) the gradients of queries, keys and values to `gradients`. Scores are computed again.
void attention_backward(const AttentionRows& rows, const AttentionMask& mask, const float* out,
                        const float* out_gradient, std::int64_t out_stride, const float* log_sums,
                        const AttentionRows& gradients);

}  // namespace epicrisis::train
