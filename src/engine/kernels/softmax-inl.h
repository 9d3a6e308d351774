// Softmax of one row, compiled once per instruction set by each kernel file that needs it.
#if defined(EPICRISIS_ENGINE_KERNELS_SOFTMAX_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EPICRISIS_ENGINE_KERNELS_SOFTMAX_INL_H_
#undef EPICRISIS_ENGINE_KERNELS_SOFTMAX_INL_H_
#else
#define EPICRISIS_ENGINE_KERNELS_SOFTMAX_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>

// Highway's exp is within one unit in the last place.
#include <hwy/contrib/math/math-inl.h>

#include "engine/kernels/load-inl.h"

#if HWY_TARGET != HWY_SCALAR
HWY_BEFORE_NAMESPACE();
namespace epicrisis::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

HWY_INLINE float largest_element(const float* HWY_RESTRICT x, int n) {
  const hn::ScalableTag<float> d;
  const int lanes = static_cast<int>(hn::Lanes(d));
  float largest = x[0];
  int i = 0;
  if (n >= lanes) {
    auto running = hn::LoadU(d, x);
    for (i = lanes; i + lanes <= n; i += lanes) running = hn::Max(running, hn::LoadU(d, x + i));
    largest = hn::GetLane(hn::MaxOfLanes(d, running));
  }
  for (; i < n; ++i) largest = std::max(largest, x[i]);
  return largest;
}

/// x[i] = exp(scale * (x[i] - largest)); returns their sum.
HWY_INLINE float exponentiate(float* HWY_RESTRICT x, float scale, float largest, int n) {
  const hn::ScalableTag<float> d;
  const int lanes = static_cast<int>(hn::Lanes(d));
  const auto offset = hn::Set(d, largest);
  const auto factor = hn::Set(d, scale);
  auto sum = hn::Zero(d);
  int i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto e = hn::Exp(d, hn::Mul(factor, hn::Sub(hn::LoadU(d, x + i), offset)));
    hn::StoreU(e, d, x + i);
    sum = hn::Add(sum, e);
  }
  if (i < n) {
    const auto mask = hn::FirstN(d, static_cast<std::size_t>(n - i));
    const auto last = load_first(d, x + i, n - i);
    const auto e = hn::IfThenElseZero(mask, hn::Exp(d, hn::Mul(factor, hn::Sub(last, offset))));
    store_first(e, d, x + i, n - i);
    sum = hn::Add(sum, e);
  }
  return hn::GetLane(hn::SumOfLanes(d, sum));
}

/// y[i] = scale * x[i] + offset[i], without the offset where that is null. y may be x.
HWY_INLINE void scale_add_row(const float* x, float scale, const float* offset, int n, float* y) {
  const hn::ScalableTag<float> d;
  const int lanes = static_cast<int>(hn::Lanes(d));
  const auto factor = hn::Set(d, scale);
  int i = 0;
  if (offset == nullptr) {
    for (; i + lanes <= n; i += lanes) hn::StoreU(hn::Mul(factor, hn::LoadU(d, x + i)), d, y + i);
    for (; i < n; ++i) y[i] = scale * x[i];
    return;
  }
  for (; i + lanes <= n; i += lanes)
    hn::StoreU(hn::MulAdd(factor, hn::LoadU(d, x + i), hn::LoadU(d, offset + i)), d, y + i);
  for (; i < n; ++i) y[i] = scale * x[i] + offset[i];
}

HWY_INLINE void softmax_row(float* HWY_RESTRICT x, float scale, const float* bias, int n) {
  const hn::ScalableTag<float> d;
  const int lanes = static_cast<int>(hn::Lanes(d));
  if (bias != nullptr) {
    scale_add_row(x, scale, bias, n, x);
    scale = 1.0F;
  }
  const float inverse = 1.0F / exponentiate(x, scale, largest_element(x, n), n);
  const auto factor = hn::Set(d, inverse);
  int i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(hn::Mul(factor, hn::LoadU(d, x + i)), d, x + i);
  for (; i < n; ++i) x[i] *= inverse;
}

}  // namespace epicrisis::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // HWY_TARGET
#endif
