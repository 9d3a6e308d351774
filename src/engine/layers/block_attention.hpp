#pragma once

#include <cstddef>
#include <cstdint>

namespace epicrisis::engine {

/// Attention of consecutive queries of one head over keys and values that lie together.
struct BlockAttention {
  const float* queries = nullptr;  ///< [query_count, Dh]
  std::ptrdiff_t query_stride = 0;
  int query_count = 0;
  const float* keys = nullptr;                     ///< [length, Dh]
  const float* values = nullptr;                   ///< [length, Dh]
  const std::uint16_t* keys_bfloat16 = nullptr;    ///< Stand in for keys: the bits of bfloat16 elements.
  const std::uint16_t* values_bfloat16 = nullptr;  ///< Stand in for values.
  int length = 0;                                  ///< At least one.
  int head_dim = 0;                                ///< Dh
  float scale = 1.0F;                              ///< Scores are multiplied by this.
  /// [length], added to the first query's scaled scores; each further query's starts one element earlier, as
  /// PositionBiasTable lays them out. Null for none.
  const float* bias = nullptr;
  float* scores = nullptr;  ///< Scratch [query_count, length].
  float* out = nullptr;     ///< [query_count, Dh]
  std::ptrdiff_t out_stride = 0;
};

/// out = softmax(scale * queries * keys^T + bias) * values. A query's result has the same bits whatever other
/// queries the block has.
void attend(const BlockAttention& block) noexcept;

}  // namespace epicrisis::engine
