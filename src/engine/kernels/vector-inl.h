// The vector types of the kernels, compiled once per instruction set by each kernel file.
#if defined(EPICRISIS_ENGINE_KERNELS_VECTOR_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EPICRISIS_ENGINE_KERNELS_VECTOR_INL_H_
#undef EPICRISIS_ENGINE_KERNELS_VECTOR_INL_H_
#else
#define EPICRISIS_ENGINE_KERNELS_VECTOR_INL_H_
#endif

#include <hwy/highway.h>

#if HWY_TARGET != HWY_SCALAR
HWY_BEFORE_NAMESPACE();
namespace epicrisis::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Tag = hn::ScalableTag<float>;
using V = hn::Vec<Tag>;
using QuadTag = hn::FixedTag<float, 4>;
using Quad = hn::Vec<QuadTag>;
constexpr Tag kTag;
constexpr QuadTag kQuadTag;
constexpr int kLanes = static_cast<int>(hn::MaxLanes(Tag()));

}  // namespace epicrisis::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // HWY_TARGET
#endif
