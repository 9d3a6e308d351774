// Sums of float32 vectors, compiled once per instruction set by each kernel file.
#if defined(EPICRISIS_ENGINE_KERNELS_REDUCE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EPICRISIS_ENGINE_KERNELS_REDUCE_INL_H_
#undef EPICRISIS_ENGINE_KERNELS_REDUCE_INL_H_
#else
#define EPICRISIS_ENGINE_KERNELS_REDUCE_INL_H_
#endif

#include <hwy/highway.h>

#if HWY_TARGET != HWY_SCALAR
HWY_BEFORE_NAMESPACE();
namespace epicrisis::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Adds the 128-bit blocks of `v` into one.
template <class D, class V = hn::Vec<D>>
HWY_INLINE hn::Vec<hn::FixedTag<float, 4>> sum_blocks(D, V v) {
  if constexpr (hn::MaxLanes(D()) <= 4) {
    return v;
  } else {
    const hn::Half<D> half;
    return sum_blocks(half, hn::Add(hn::LowerHalf(half, v), hn::UpperHalf(half, v)));
  }
}

/// {sum of a's lanes, of b's, of c's, of d's}: eleven instructions on AVX2 where four separate sums take 24.
template <class D, class V = hn::Vec<D>>
HWY_INLINE hn::Vec<hn::FixedTag<float, 4>> sum_lanes_of_four(D tag, V a, V b, V c, V d) {
  const hn::RepartitionToWide<D> wide;
  const V ab = hn::Add(hn::InterleaveLower(tag, a, b), hn::InterleaveUpper(tag, a, b));
  const V cd = hn::Add(hn::InterleaveLower(tag, c, d), hn::InterleaveUpper(tag, c, d));
  const auto ab_wide = hn::BitCast(wide, ab);
  const auto cd_wide = hn::BitCast(wide, cd);
  const V low = hn::BitCast(tag, hn::InterleaveLower(wide, ab_wide, cd_wide));
  const V high = hn::BitCast(tag, hn::InterleaveUpper(wide, ab_wide, cd_wide));
  return sum_blocks(tag, hn::Add(low, high));
}

}  // namespace epicrisis::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // HWY_TARGET
#endif
