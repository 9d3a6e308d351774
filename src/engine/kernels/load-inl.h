// Loads and stores of whole and partial vectors, compiled once per instruction set by each kernel
// file.
#if defined(EPICRISIS_ENGINE_KERNELS_LOAD_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EPICRISIS_ENGINE_KERNELS_LOAD_INL_H_
#undef EPICRISIS_ENGINE_KERNELS_LOAD_INL_H_
#else
#define EPICRISIS_ENGINE_KERNELS_LOAD_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>

#if HWY_TARGET != HWY_SCALAR
HWY_BEFORE_NAMESPACE();
namespace epicrisis::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// A vector of float32 elements.
template <class D>
HWY_INLINE hn::Vec<D> load_widened(D d, const float* p) {
  return hn::LoadU(d, p);
}

/// A vector of bfloat16 elements, given by their bits, as float32: exact, they are its upper halves.
template <class D>
HWY_INLINE hn::Vec<D> load_widened(D d, const std::uint16_t* p) {
  const hn::RebindToUnsigned<D> bits;
  const hn::Rebind<std::uint16_t, D> narrow;
  return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(bits, hn::LoadU(narrow, p))));
}

/// Elements p[0 .. count), then zeros. Touches nothing past them: a row may end where a mapped file does, and
/// on SSE4 Highway's masked load reads the whole vector.
template <class D>
HWY_INLINE hn::Vec<D> load_first(D d, const float* p, int count) {
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
  return hn::MaskedLoad(hn::FirstN(d, static_cast<std::size_t>(count)), d, p);
#else
  HWY_ALIGN float lanes[hn::MaxLanes(D())] = {};
  std::copy_n(p, count, lanes);
  return hn::Load(d, lanes);
#endif
}

template <class D>
HWY_INLINE hn::Vec<D> load_first(D d, const std::uint16_t* p, int count) {
  HWY_ALIGN std::uint16_t lanes[hn::MaxLanes(D())] = {};
  std::copy_n(p, count, lanes);
  return load_widened(d, lanes);
}

/// p[0 .. count) = the first elements of `v`.
template <class D>
HWY_INLINE void store_first(hn::Vec<D> v, D d, float* p, int count) {
  HWY_ALIGN float lanes[hn::MaxLanes(D())];
  hn::Store(v, d, lanes);
  std::copy_n(lanes, count, p);
}

}  // namespace epicrisis::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // HWY_TARGET
#endif
