#include "engine/kernels/rowwise.hpp"

#include <algorithm>
#include <cmath>

#include "engine/kernels/bfloat16_matmul.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/rowwise.cpp"
#include "engine/kernels/every_target-inl.h"

#include "engine/kernels/softmax-inl.h"
#include "engine/kernels/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace epicrisis::kernels::HWY_NAMESPACE {
namespace {
#if HWY_TARGET == HWY_SCALAR
void LayerNorm(const float* x, const float* weight, const float* bias, float epsilon, int n, float* y) {
  reference::layer_norm(x, weight, bias, epsilon, n, y);
}
void RmsNorm(const float* x, const float* weight, float epsilon, int n, float* y) {
  reference::rms_norm(x, weight, epsilon, n, y);
}
void Softmax(float* x, float scale, const float* bias, int n) { reference::softmax(x, scale, bias, n); }
float SoftmaxTile(float* x, float scale, const float* bias, int n, SoftmaxState& state) {
  return reference::softmax_tile(x, scale, bias, n, state);
}
void Activate(Activation activation, float* x, int n) { reference::activate(activation, x, n); }
void ScaleAdd(const float* x, float scale, const float* offset, int n, float* y) {
  reference::scale_add(x, scale, offset, n, y);
}
void Multiply(const float* x, int n, float* y) { reference::multiply(x, n, y); }
void WidenBfloat16(const std::uint16_t* x, int n, float* y) { reference::widen_bfloat16(x, n, y); }
void RoundToBfloat16(const float* x, int n, std::uint16_t* y) { reference::round_to_bfloat16(x, n, y); }
#else
constexpr hn::RebindToSigned<Tag> kIntTag;

// Sum over i < n of f(x[i]); f(0 lanes past the end) is masked out.
template <class F>
HWY_INLINE float sum_of(const float* x, int n, F f) {
  V sum = hn::Zero(kTag);
  int i = 0;
  for (; i + kLanes <= n; i += kLanes) sum = hn::Add(sum, f(hn::LoadU(kTag, x + i)));
  if (i < n) {
    const auto mask = hn::FirstN(kTag, static_cast<std::size_t>(n - i));
    sum = hn::Add(sum, hn::IfThenElseZero(mask, f(load_first(kTag, x + i, n - i))));
  }
  return hn::GetLane(hn::SumOfLanes(kTag, sum));
}

void LayerNorm(const float* x, const float* weight, const float* bias, float epsilon, int n, float* y) {
  const float count = static_cast<float>(n);
  const float mean = sum_of(x, n, [](V v) HWY_ATTR { return v; }) / count;
  const V mean_lanes = hn::Set(kTag, mean);
  const float squares = sum_of(x, n, [mean_lanes](V v) HWY_ATTR {
    const V centred = hn::Sub(v, mean_lanes);
    return hn::Mul(centred, centred);
  });
  const float scale = 1.0F / std::sqrt(squares / count + epsilon);
  const V scale_lanes = hn::Set(kTag, scale);
  int i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    const V unit = hn::Mul(hn::Sub(hn::LoadU(kTag, x + i), mean_lanes), scale_lanes);
    hn::StoreU(hn::MulAdd(unit, hn::LoadU(kTag, weight + i), hn::LoadU(kTag, bias + i)), kTag, y + i);
  }
  for (; i < n; ++i) y[i] = (x[i] - mean) * scale * weight[i] + bias[i];
}

void RmsNorm(const float* x, const float* weight, float epsilon, int n, float* y) {
  const float squares = sum_of(x, n, [](V v) HWY_ATTR { return hn::Mul(v, v); });
  const float scale = 1.0F / std::sqrt(squares / static_cast<float>(n) + epsilon);
  const V scale_lanes = hn::Set(kTag, scale);
  int i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    const V unit = hn::Mul(hn::LoadU(kTag, x + i), scale_lanes);
    hn::StoreU(hn::Mul(unit, hn::LoadU(kTag, weight + i)), kTag, y + i);
  }
  for (; i < n; ++i) y[i] = x[i] * scale * weight[i];
}

void Softmax(float* x, float scale, const float* bias, int n) { softmax_row(x, scale, bias, n); }

float SoftmaxTile(float* x, float scale, const float* bias, int n, SoftmaxState& state) {
  scale_add_row(x, scale, bias, n, x);
  const float largest = std::max(state.largest, largest_element(x, n));
  const float factor = std::exp(state.largest - largest);
  state.largest = largest;
  state.sum = state.sum * factor + exponentiate(x, 1.0F, largest, n);
  return factor;
}

// In place, in vectors; the last vector may be partial.
template <class F>
HWY_INLINE void map(float* x, int n, F f) {
  int i = 0;
  for (; i + kLanes <= n; i += kLanes) hn::StoreU(f(hn::LoadU(kTag, x + i)), kTag, x + i);
  if (i == n) return;
  store_first(f(load_first(kTag, x + i, n - i)), kTag, x + i, n - i);
}

// 1 / (1 + exp(-x)). Highway's exp does not give an infinity past its range, so the argument stops at 88:
// below that x the result is 6e-39 instead of something smaller.
HWY_INLINE V logistic(V x) {
  const V one = hn::Set(kTag, 1.0F);
  return hn::Div(one, hn::Add(one, hn::Exp(kTag, hn::Min(hn::Neg(x), hn::Set(kTag, 88.0F)))));
}

// erf to 1.5e-7 absolute: Abramowitz and Stegun 1964, formula 7.1.26.
HWY_INLINE V error_function(V x) {
  const V magnitude = hn::Abs(x);
  const V one = hn::Set(kTag, 1.0F);
  const V t = hn::Div(one, hn::MulAdd(hn::Set(kTag, 0.3275911F), magnitude, one));
  V polynomial = hn::Set(kTag, 1.061405429F);
  for (const float coefficient : {-1.453152027F, 1.421413741F, -0.284496736F, 0.254829592F})
    polynomial = hn::MulAdd(polynomial, t, hn::Set(kTag, coefficient));
  const V tail = hn::Mul(hn::Mul(polynomial, t), hn::Exp(kTag, hn::Neg(hn::Mul(magnitude, magnitude))));
  return hn::CopySign(hn::Sub(one, tail), x);
}

void Activate(Activation activation, float* x, int n) {
  switch (activation) {
    case Activation::kRelu:
      return map(x, n, [](V v) HWY_ATTR { return hn::Max(v, hn::Zero(kTag)); });
    case Activation::kGelu:
      return map(x, n, [](V v) HWY_ATTR {
        const V erf = error_function(hn::Mul(v, hn::Set(kTag, 0.70710678F)));
        return hn::Mul(hn::Mul(v, hn::Set(kTag, 0.5F)), hn::Add(erf, hn::Set(kTag, 1.0F)));
      });
    case Activation::kGeluTanh:  // (1 + tanh(u)) / 2 is the logistic function of 2u.
      return map(x, n, [](V v) HWY_ATTR {
        const V cubic = hn::Mul(hn::Mul(v, v), hn::Mul(v, hn::Set(kTag, 0.044715F)));
        return hn::Mul(v, logistic(hn::Mul(hn::Set(kTag, 1.59576912F), hn::Add(v, cubic))));
      });
    case Activation::kSilu:
      return map(x, n, [](V v) HWY_ATTR { return hn::Mul(v, logistic(v)); });
  }
}

void ScaleAdd(const float* x, float scale, const float* offset, int n, float* y) {
  scale_add_row(x, scale, offset, n, y);
}

void Multiply(const float* x, int n, float* y) {
  int i = 0;
  for (; i + kLanes <= n; i += kLanes)
    hn::StoreU(hn::Mul(hn::LoadU(kTag, x + i), hn::LoadU(kTag, y + i)), kTag, y + i);
  for (; i < n; ++i) y[i] *= x[i];
}

void WidenBfloat16(const std::uint16_t* x, int n, float* y) {
  int i = 0;
  for (; i + kLanes <= n; i += kLanes) hn::StoreU(load_widened(kTag, x + i), kTag, y + i);
  if (i < n) store_first(load_first(kTag, x + i, n - i), kTag, y + i, n - i);
}

void RoundToBfloat16(const float* x, int n, std::uint16_t* y) {
  const hn::RebindToUnsigned<Tag> wide;
  const hn::Rebind<std::uint16_t, Tag> narrow;
  int i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    const V v = hn::LoadU(kTag, x + i);
    const auto bits = hn::BitCast(wide, v);
    const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(wide, 1U));
    const auto rounded = hn::Add(bits, hn::Add(odd, hn::Set(wide, 0x7FFFU)));
    const auto quiet = hn::Or(bits, hn::Set(wide, 0x400000U));
    const auto is_nan = hn::RebindMask(wide, hn::IsNaN(v));
    const auto halves = hn::BitCast(kIntTag, hn::ShiftRight<16>(hn::IfThenElse(is_nan, quiet, rounded)));
    hn::StoreU(hn::DemoteTo(narrow, halves), narrow, y + i);
  }
  reference::round_to_bfloat16(x + i, n - i, y + i);
}

#endif  // HWY_TARGET
}  // namespace
}  // namespace epicrisis::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace epicrisis::kernels {
HWY_EXPORT(LayerNorm);
HWY_EXPORT(RmsNorm);
HWY_EXPORT(Softmax);
HWY_EXPORT(SoftmaxTile);
HWY_EXPORT(Activate);
HWY_EXPORT(ScaleAdd);
HWY_EXPORT(Multiply);
HWY_EXPORT(WidenBfloat16);
HWY_EXPORT(RoundToBfloat16);

void layer_norm(const float* x, const float* weight, const float* bias, float epsilon, int n,
                float* y) noexcept {
  HWY_DYNAMIC_DISPATCH(LayerNorm)(x, weight, bias, epsilon, n, y);
}
void rms_norm(const float* x, const float* weight, float epsilon, int n, float* y) noexcept {
  HWY_DYNAMIC_DISPATCH(RmsNorm)(x, weight, epsilon, n, y);
}
void softmax(float* x, float scale, const float* bias, int n) noexcept {
  HWY_DYNAMIC_DISPATCH(Softmax)(x, scale, bias, n);
}
float softmax_tile(float* x, float scale, const float* bias, int n, SoftmaxState& state) noexcept {
  return HWY_DYNAMIC_DISPATCH(SoftmaxTile)(x, scale, bias, n, state);
}
void activate(Activation activation, float* x, int n) noexcept {
  HWY_DYNAMIC_DISPATCH(Activate)(activation, x, n);
}
void scale_add(const float* x, float scale, const float* offset, int n, float* y) noexcept {
  HWY_DYNAMIC_DISPATCH(ScaleAdd)(x, scale, offset, n, y);
}
void multiply(const float* x, int n, float* y) noexcept { HWY_DYNAMIC_DISPATCH(Multiply)(x, n, y); }
void widen_bfloat16(const std::uint16_t* x, int n, float* y) noexcept {
  HWY_DYNAMIC_DISPATCH(WidenBfloat16)(x, n, y);
}
void round_to_bfloat16(const float* x, int n, std::uint16_t* y) noexcept {
  HWY_DYNAMIC_DISPATCH(RoundToBfloat16)(x, n, y);
}
}  // namespace epicrisis::kernels
#endif
