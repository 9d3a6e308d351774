#include "engine/kernels/attention.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/attention.cpp"
#include "engine/kernels/every_target-inl.h"

#include "engine/kernels/load-inl.h"
#include "engine/kernels/reduce-inl.h"
#include "engine/kernels/softmax-inl.h"
#include "engine/kernels/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace epicrisis::kernels::HWY_NAMESPACE {
namespace {
#if HWY_TARGET == HWY_SCALAR
void CachedAttention(const CachedAttentionArgs& args) { reference::cached_attention(args); }
#else
// scores[t] = query . key of position t, four positions at a time.
HWY_INLINE void score_positions(const CachedAttentionArgs& args) {
  for (int t = 0; t < args.length; t += 4) {
    const float* keys[4];
    for (int j = 0; j < 4; ++j) keys[j] = args.positions[std::min(t + j, args.length - 1)] + args.key_offset;
    V acc[4] = {hn::Zero(kTag), hn::Zero(kTag), hn::Zero(kTag), hn::Zero(kTag)};
    int d = 0;
    for (; d + kLanes <= args.head_dim; d += kLanes) {
      const V query = hn::LoadU(kTag, args.query + d);
#pragma GCC unroll 4
      for (int j = 0; j < 4; ++j) acc[j] = hn::MulAdd(query, hn::LoadU(kTag, keys[j] + d), acc[j]);
    }
    if (d < args.head_dim) {
      const int left = args.head_dim - d;
      const V query = load_first(kTag, args.query + d, left);
#pragma GCC unroll 4
      for (int j = 0; j < 4; ++j) acc[j] = hn::MulAdd(query, load_first(kTag, keys[j] + d, left), acc[j]);
    }
    const auto sums = sum_lanes_of_four(kTag, acc[0], acc[1], acc[2], acc[3]);
    if (t + 4 <= args.length) {
      hn::StoreU(sums, kQuadTag, args.scores + t);
    } else {
      store_first(sums, kQuadTag, args.scores + t, args.length - t);
    }
  }
}

// out[d .. d + kVectors * kLanes) = sum over t of scores[t] * value of position t.
template <int kVectors>
HWY_INLINE void weigh_values(const CachedAttentionArgs& args, int d) {
  V acc[kVectors];
#pragma GCC unroll 8
  for (int v = 0; v < kVectors; ++v) acc[v] = hn::Zero(kTag);
  for (int t = 0; t < args.length; ++t) {
    const V weight = hn::Set(kTag, args.scores[t]);
    const float* value = args.positions[t] + args.value_offset + d;
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v)
      acc[v] = hn::MulAdd(weight, hn::LoadU(kTag, value + v * kLanes), acc[v]);
  }
#pragma GCC unroll 8
  for (int v = 0; v < kVectors; ++v) hn::StoreU(acc[v], kTag, args.out + d + v * kLanes);
}

HWY_INLINE void weigh_last_values(const CachedAttentionArgs& args, int d) {
  const int left = args.head_dim - d;
  V acc = hn::Zero(kTag);
  for (int t = 0; t < args.length; ++t) {
    const V value = load_first(kTag, args.positions[t] + args.value_offset + d, left);
    acc = hn::MulAdd(hn::Set(kTag, args.scores[t]), value, acc);
  }
  store_first(acc, kTag, args.out + d, left);
}

void CachedAttention(const CachedAttentionArgs& args) {
  score_positions(args);
  softmax_row(args.scores, args.scale, args.bias, args.length);
  int d = 0;
  for (; d + 8 * kLanes <= args.head_dim; d += 8 * kLanes) weigh_values<8>(args, d);
  for (; d + 4 * kLanes <= args.head_dim; d += 4 * kLanes) weigh_values<4>(args, d);
  for (; d + kLanes <= args.head_dim; d += kLanes) weigh_values<1>(args, d);
  if (d < args.head_dim) weigh_last_values(args, d);
}

#endif  // HWY_TARGET
}  // namespace
}  // namespace epicrisis::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace epicrisis::kernels {
HWY_EXPORT(CachedAttention);
void cached_attention(const CachedAttentionArgs& args) noexcept {
  HWY_DYNAMIC_DISPATCH(CachedAttention)(args);
}
}  // namespace epicrisis::kernels
#endif
