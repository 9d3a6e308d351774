#pragma once

#include <cstddef>

namespace epicrisis::kernels {

/// Attention of one query row of one head over cached positions that lie anywhere in memory.
struct CachedAttentionArgs {
  const float* query = nullptr;             ///< [Dh]
  const float* const* positions = nullptr;  ///< [length]: where each cached position lies.
  std::ptrdiff_t key_offset = 0;            ///< From a position to its key [Dh] of this layer and head.
  std::ptrdiff_t value_offset = 0;          ///< From a position to its value [Dh].
  int length = 0;                           ///< Positions attended to; at least one.
  int head_dim = 0;                         ///< Dh
  float scale = 1.0F;                       ///< Scores are multiplied by this.
  const float* bias = nullptr;              ///< [length], added to the scaled scores; null for none.
  float* scores = nullptr;                  ///< Scratch [length]; the probabilities afterwards.
  float* out = nullptr;                     ///< [Dh]
};

/// out = softmax(scale * query . keys + bias) * values: Vaswani et al. 2017, section 3.2.1. The order of
/// additions depends on length, Dh and the instruction set, not on where positions lie: reordering a beam
/// changes no bit.
void cached_attention(const CachedAttentionArgs& args) noexcept;

namespace reference {
void cached_attention(const CachedAttentionArgs& args) noexcept;
}  // namespace reference

}  // namespace epicrisis::kernels
