// Loops over whole vectors and what is left over, compiled once for every instruction set: included after
// foreach_target.h, hence a guard that toggles.
#if defined(EPICRISIS_TRAIN_VECTOR_LOOP_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef EPICRISIS_TRAIN_VECTOR_LOOP_INL_HPP
#undef EPICRISIS_TRAIN_VECTOR_LOOP_INL_HPP
#else
#define EPICRISIS_TRAIN_VECTOR_LOOP_INL_HPP
#endif

#include <hwy/highway.h>

#include <cstddef>

HWY_BEFORE_NAMESPACE();
namespace epicrisis::train::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using Wide = hn::ScalableTag<float>;
using One = hn::CappedTag<float, 1>;

/// Calls body(tag, i) for whole vectors, then for the elements left over.
template <class Body>
HWY_INLINE void for_each_vector(std::size_t count, Body body) {
  const Wide wide;
  const std::size_t lanes = hn::Lanes(wide);
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes) body(wide, i);
  for (; i < count; ++i) body(One(), i);
}

template <class D>
HWY_INLINE float sum_lanes(D d, hn::Vec<D> value) {
  return hn::GetLane(hn::SumOfLanes(d, value));
}

}  // namespace epicrisis::train::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
