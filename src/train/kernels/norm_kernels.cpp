#include "train/kernels/norm_kernels.hpp"

#include <cmath>
#include <type_traits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "train/kernels/norm_kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// After highway.h, once per target.
#include "train/kernels/vector_loop-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace epicrisis::train::kernels::HWY_NAMESPACE {

void LayerNorm(float* HWY_RESTRICT out, float* HWY_RESTRICT means, float* HWY_RESTRICT inverse_deviations,
               const float* HWY_RESTRICT x, const float* HWY_RESTRICT weight, const float* HWY_RESTRICT bias,
               std::size_t rows, std::size_t columns, float epsilon) {
  const Wide wide;
  for (std::size_t r = 0; r < rows; ++r) {
    const float* row = x + r * columns;
    auto sums = hn::Zero(wide);
    float sum = 0;
    for_each_vector(columns, [&](auto d, std::size_t c) {
      if constexpr (std::is_same_v<decltype(d), Wide>)
        sums = hn::Add(sums, hn::LoadU(d, row + c));
      else
        sum += row[c];
    });
    const float mean = (sum + sum_lanes(wide, sums)) / static_cast<float>(columns);
    auto squares = hn::Zero(wide);
    float square = 0;
    for_each_vector(columns, [&](auto d, std::size_t c) {
      const auto centred = hn::Sub(hn::LoadU(d, row + c), hn::Set(d, mean));
      if constexpr (std::is_same_v<decltype(d), Wide>)
        squares = hn::MulAdd(centred, centred, squares);
      else
        square += hn::GetLane(hn::Mul(centred, centred));
    });
    const float variance = (square + sum_lanes(wide, squares)) / static_cast<float>(columns);
    const float inverse = 1.0F / std::sqrt(variance + epsilon);
    means[r] = mean;
    inverse_deviations[r] = inverse;
    for_each_vector(columns, [&](auto d, std::size_t c) {
      const auto normal = hn::Mul(hn::Sub(hn::LoadU(d, row + c), hn::Set(d, mean)), hn::Set(d, inverse));
      hn::StoreU(hn::MulAdd(normal, hn::LoadU(d, weight + c), hn::LoadU(d, bias + c)), d,
                 out + r * columns + c);
    });
  }
}

void LayerNormBackward(float* HWY_RESTRICT x_gradient, float* HWY_RESTRICT weight_gradient,
                       float* HWY_RESTRICT bias_gradient, const float* HWY_RESTRICT gradient,
                       const float* HWY_RESTRICT x, const float* HWY_RESTRICT means,
                       const float* HWY_RESTRICT inverse_deviations, const float* HWY_RESTRICT weight,
                       std::size_t rows, std::size_t columns) {
  const Wide wide;
  for (std::size_t r = 0; r < rows; ++r) {
    const float* row = x + r * columns;
    const float* upstream = gradient + r * columns;
    const float mean = means[r];
    const float inverse = inverse_deviations[r];
    auto sums = hn::Zero(wide);
    auto products = hn::Zero(wide);
    float sum = 0;
    float product = 0;
    for_each_vector(columns, [&](auto d, std::size_t c) {
      const auto dy = hn::LoadU(d, upstream + c);
      const auto normal = hn::Mul(hn::Sub(hn::LoadU(d, row + c), hn::Set(d, mean)), hn::Set(d, inverse));
      const auto weighted = hn::Mul(dy, hn::LoadU(d, weight + c));
      hn::StoreU(hn::MulAdd(dy, normal, hn::LoadU(d, weight_gradient + c)), d, weight_gradient + c);
      hn::StoreU(hn::Add(dy, hn::LoadU(d, bias_gradient + c)), d, bias_gradient + c);
      if constexpr (std::is_same_v<decltype(d), Wide>) {
        sums = hn::Add(sums, weighted);
        products = hn::MulAdd(weighted, normal, products);
      } else {
        sum += hn::GetLane(weighted);
        product += hn::GetLane(hn::Mul(weighted, normal));
      }
    });
    const float mean_sum = (sum + sum_lanes(wide, sums)) / static_cast<float>(columns);
    const float mean_product = (product + sum_lanes(wide, products)) / static_cast<float>(columns);
    for_each_vector(columns, [&](auto d, std::size_t c) {
      const auto normal = hn::Mul(hn::Sub(hn::LoadU(d, row + c), hn::Set(d, mean)), hn::Set(d, inverse));
      const auto weighted = hn::Mul(hn::LoadU(d, upstream + c), hn::LoadU(d, weight + c));
      const auto centred =
          hn::Sub(hn::Sub(weighted, hn::Set(d, mean_sum)), hn::Mul(normal, hn::Set(d, mean_product)));
      hn::StoreU(hn::Mul(centred, hn::Set(d, inverse)), d, x_gradient + r * columns + c);
    });
  }
}

void RmsNorm(float* HWY_RESTRICT out, float* HWY_RESTRICT inverse_roots, const float* HWY_RESTRICT x,
             const float* HWY_RESTRICT weight, std::size_t rows, std::size_t columns, float epsilon) {
  const Wide wide;
  for (std::size_t r = 0; r < rows; ++r) {
    const float* row = x + r * columns;
    auto squares = hn::Zero(wide);
    float square = 0;
    for_each_vector(columns, [&](auto d, std::size_t c) {
      const auto value = hn::LoadU(d, row + c);
      if constexpr (std::is_same_v<decltype(d), Wide>)
        squares = hn::MulAdd(value, value, squares);
      else
        square += hn::GetLane(hn::Mul(value, value));
    });
    const float mean = (square + sum_lanes(wide, squares)) / static_cast<float>(columns);
    const float inverse = 1.0F / std::sqrt(mean + epsilon);
    inverse_roots[r] = inverse;
    for_each_vector(columns, [&](auto d, std::size_t c) {
      const auto normal = hn::Mul(hn::LoadU(d, row + c), hn::Set(d, inverse));
      hn::StoreU(hn::Mul(normal, hn::LoadU(d, weight + c)), d, out + r * columns + c);
    });
  }
}

void RmsNormBackward(float* HWY_RESTRICT x_gradient, float* HWY_RESTRICT weight_gradient,
                     const float* HWY_RESTRICT gradient, const float* HWY_RESTRICT x,
                     const float* HWY_RESTRICT inverse_roots, const float* HWY_RESTRICT weight,
                     std::size_t rows, std::size_t columns) {
  const Wide wide;
  for (std::size_t r = 0; r < rows; ++r) {
    const float* row = x + r * columns;
    const float* upstream = gradient + r * columns;
    const float inverse = inverse_roots[r];
    auto products = hn::Zero(wide);
    float product = 0;
    for_each_vector(columns, [&](auto d, std::size_t c) {
      const auto dy = hn::LoadU(d, upstream + c);
      const auto normal = hn::Mul(hn::LoadU(d, row + c), hn::Set(d, inverse));
      hn::StoreU(hn::MulAdd(dy, normal, hn::LoadU(d, weight_gradient + c)), d, weight_gradient + c);
      const auto weighted = hn::Mul(dy, hn::LoadU(d, weight + c));
      if constexpr (std::is_same_v<decltype(d), Wide>)
        products = hn::MulAdd(weighted, normal, products);
      else
        product += hn::GetLane(hn::Mul(weighted, normal));
    });
    const float mean_product = (product + sum_lanes(wide, products)) / static_cast<float>(columns);
    for_each_vector(columns, [&](auto d, std::size_t c) {
      const auto normal = hn::Mul(hn::LoadU(d, row + c), hn::Set(d, inverse));
      const auto weighted = hn::Mul(hn::LoadU(d, upstream + c), hn::LoadU(d, weight + c));
      const auto centred = hn::NegMulAdd(normal, hn::Set(d, mean_product), weighted);
      hn::StoreU(hn::Mul(centred, hn::Set(d, inverse)), d, x_gradient + r * columns + c);
    });
  }
}

}  // namespace epicrisis::train::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace epicrisis::train::kernels {

HWY_EXPORT(LayerNorm);
HWY_EXPORT(LayerNormBackward);
HWY_EXPORT(RmsNorm);
HWY_EXPORT(RmsNormBackward);

void layer_norm(float* out, float* means, float* inverse_deviations, const float* x, const float* weight,
                const float* bias, std::size_t rows, std::size_t columns, float epsilon) {
  HWY_DYNAMIC_DISPATCH(LayerNorm)(out, means, inverse_deviations, x, weight, bias, rows, columns, epsilon);
}
void layer_norm_backward(float* x_gradient, float* weight_gradient, float* bias_gradient,
                         const float* gradient, const float* x, const float* means,
                         const float* inverse_deviations, const float* weight, std::size_t rows,
                         std::size_t columns) {
  HWY_DYNAMIC_DISPATCH(LayerNormBackward)
  (x_gradient, weight_gradient, bias_gradient, gradient, x, means, inverse_deviations, weight, rows, columns);
}
void rms_norm(float* out, float* inverse_roots, const float* x, const float* weight, std::size_t rows,
              std::size_t columns, float epsilon) {
  HWY_DYNAMIC_DISPATCH(RmsNorm)(out, inverse_roots, x, weight, rows, columns, epsilon);
}
void rms_norm_backward(float* x_gradient, float* weight_gradient, const float* gradient, const float* x,
                       const float* inverse_roots, const float* weight, std::size_t rows,
                       std::size_t columns) {
  HWY_DYNAMIC_DISPATCH(RmsNormBackward)
  (x_gradient, weight_gradient, gradient, x, inverse_roots, weight, rows, columns);
}

}  // namespace epicrisis::train::kernels
#endif  // HWY_ONCE
