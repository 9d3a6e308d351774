#include "train/kernels/optimizer_kernels.hpp"

#include <cmath>
#include <type_traits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "train/kernels/optimizer_kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// After highway.h, once per target.
#include "train/kernels/vector_loop-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace epicrisis::train::kernels::HWY_NAMESPACE {

void AdamUpdate(float* HWY_RESTRICT parameters, const float* HWY_RESTRICT gradients,
                float* HWY_RESTRICT first_moments, float* HWY_RESTRICT second_moments, std::size_t count,
                const AdamStep& step) {
  const float keep = 1.0F - step.learning_rate * step.decoupled_decay;
  const float rate = step.learning_rate / step.first_correction;
  const float inverse_correction = 1.0F / step.second_correction_sqrt;
  for_each_vector(count, [&](auto d, std::size_t i) {
    auto parameter = hn::LoadU(d, parameters + i);
    auto gradient = hn::Mul(hn::LoadU(d, gradients + i), hn::Set(d, step.gradient_scale));
    gradient = hn::MulAdd(parameter, hn::Set(d, step.coupled_decay), gradient);
    parameter = hn::Mul(parameter, hn::Set(d, keep));
    const auto first = hn::MulAdd(hn::LoadU(d, first_moments + i), hn::Set(d, step.beta1),
                                  hn::Mul(gradient, hn::Set(d, step.one_minus_beta1)));
    const auto second = hn::MulAdd(hn::LoadU(d, second_moments + i), hn::Set(d, step.beta2),
                                   hn::Mul(hn::Mul(gradient, gradient), hn::Set(d, step.one_minus_beta2)));
    hn::StoreU(first, d, first_moments + i);
    hn::StoreU(second, d, second_moments + i);
    const auto denominator =
        hn::MulAdd(hn::Sqrt(second), hn::Set(d, inverse_correction), hn::Set(d, step.epsilon));
    hn::StoreU(hn::NegMulAdd(hn::Set(d, rate), hn::Div(first, denominator), parameter), d, parameters + i);
  });
}

void Descend(float* HWY_RESTRICT parameters, const float* HWY_RESTRICT gradients, std::size_t count,
             float keep, float rate) {
  for_each_vector(count, [&](auto d, std::size_t i) {
    const auto kept = hn::Mul(hn::LoadU(d, parameters + i), hn::Set(d, keep));
    hn::StoreU(hn::NegMulAdd(hn::Set(d, rate), hn::LoadU(d, gradients + i), kept), d, parameters + i);
  });
}

float AddSquares(float* HWY_RESTRICT sums, const float* HWY_RESTRICT x, std::size_t count, float scale,
                 float epsilon) {
  const Wide wide;
  auto totals = hn::Zero(wide);
  float total = 0;
  for_each_vector(count, [&](auto d, std::size_t i) {
    const auto value = hn::Mul(hn::LoadU(d, x + i), hn::Set(d, scale));
    const auto square = hn::MulAdd(value, value, hn::Set(d, epsilon));
    hn::StoreU(hn::Add(hn::LoadU(d, sums + i), square), d, sums + i);
    if constexpr (std::is_same_v<decltype(d), Wide>)
      totals = hn::Add(totals, square);
    else
      total += hn::GetLane(square);
  });
  return total + sum_lanes(wide, totals);
}

float SumOfProductSquares(const float* HWY_RESTRICT x, const float* HWY_RESTRICT factors, std::size_t count) {
  const Wide wide;
  auto totals = hn::Zero(wide);
  float total = 0;
  for_each_vector(count, [&](auto d, std::size_t i) {
    const auto product = hn::Mul(hn::LoadU(d, x + i), hn::LoadU(d, factors + i));
    if constexpr (std::is_same_v<decltype(d), Wide>)
      totals = hn::MulAdd(product, product, totals);
    else
      total += hn::GetLane(hn::Mul(product, product));
  });
  return total + sum_lanes(wide, totals);
}

void DescendByColumns(float* HWY_RESTRICT parameters, const float* HWY_RESTRICT gradients,
                      const float* HWY_RESTRICT factors, std::size_t count, float keep, float rate) {
  for_each_vector(count, [&](auto d, std::size_t i) {
    const auto kept = hn::Mul(hn::LoadU(d, parameters + i), hn::Set(d, keep));
    const auto step = hn::Mul(hn::LoadU(d, gradients + i), hn::LoadU(d, factors + i));
    hn::StoreU(hn::NegMulAdd(hn::Set(d, rate), step, kept), d, parameters + i);
  });
}

}  // namespace epicrisis::train::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace epicrisis::train::kernels {

HWY_EXPORT(AdamUpdate);
HWY_EXPORT(Descend);
HWY_EXPORT(AddSquares);
HWY_EXPORT(SumOfProductSquares);
HWY_EXPORT(DescendByColumns);

void adam_update(float* parameters, const float* gradients, float* first_moments, float* second_moments,
                 std::size_t count, const AdamStep& step) {
  HWY_DYNAMIC_DISPATCH(AdamUpdate)(parameters, gradients, first_moments, second_moments, count, step);
}
void descend(float* parameters, const float* gradients, std::size_t count, float keep, float rate) {
  HWY_DYNAMIC_DISPATCH(Descend)(parameters, gradients, count, keep, rate);
}
float add_squares(float* sums, const float* x, std::size_t count, float scale, float epsilon) {
  return HWY_DYNAMIC_DISPATCH(AddSquares)(sums, x, count, scale, epsilon);
}
float sum_of_product_squares(const float* x, const float* factors, std::size_t count) {
  return HWY_DYNAMIC_DISPATCH(SumOfProductSquares)(x, factors, count);
}
void descend_by_columns(float* parameters, const float* gradients, const float* factors, std::size_t count,
                        float keep, float rate) {
  HWY_DYNAMIC_DISPATCH(DescendByColumns)(parameters, gradients, factors, count, keep, rate);
}

}  // namespace epicrisis::train::kernels
#endif  // HWY_ONCE
