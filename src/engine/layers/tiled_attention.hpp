#pragma once

#include <cstddef>

namespace epicrisis::engine {

/// Attention of many queries over one head's keys and values, kKeyTile of them at a time, so that scores take
/// a tile's memory however long the source is: Dao et al. 2022, "FlashAttention", algorithm 1, forward.
/// Queries, keys and values are float32; where `narrow`, products take them and the probabilities rounded to
/// bfloat16, which needs AVX512_BF16 and an even Dh.
inline constexpr int kKeyTile = 128;
inline constexpr int kQueryBlock = 48;  ///< Most queries of one call: rows of the product kernels' tiles.

/// Floats of one packed tile, and of the scratch of a call.
std::size_t tile_floats(int head_dim, bool narrow) noexcept;
std::size_t tile_scratch_floats(int head_dim) noexcept;

/// Lays out `count` <= kKeyTile keys and values [count, Dh] in `tile`. `scratch`: that of a call.
void pack_tile(const float* keys, const float* values, int count, int head_dim, bool narrow, float* tile,
               float* scratch) noexcept;

struct TiledAttention {
  const float* queries = nullptr;  ///< [query_count, Dh], contiguous
  int query_count = 0;             ///< At most kQueryBlock.
  const float* tiles = nullptr;    ///< Of pack_tile(), one after another, full but for the last.
  const float* values = nullptr;   ///< [length, Dh]; read where not narrow.
  int length = 0;                  ///< Of keys; at least one.
  int head_dim = 0;                ///< Dh
  bool narrow = false;
  float scale = 1.0F;           ///< Scores are multiplied by this.
  const float* bias = nullptr;  ///< As BlockAttention's.
  float* scratch = nullptr;     ///< [tile_scratch_floats()]
  float* out = nullptr;         ///< [query_count, Dh]
  std::ptrdiff_t out_stride = 0;
};

/// out = softmax(scale * queries * keys^T + bias) * values. A query's result has the same bits whatever other
/// queries there are.
void attend_tiled(const TiledAttention& attention) noexcept;

}  // namespace epicrisis::engine
