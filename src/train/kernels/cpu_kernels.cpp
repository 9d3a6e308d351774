#include "train/kernels/cpu_kernels.hpp"

#include <cmath>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "train/kernels/cpu_kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// After highway.h, once per target.
#include <hwy/contrib/math/math-inl.h>

#include "train/kernels/vector_loop-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace epicrisis::train::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
/// scale where element `index` of the stream is kept, else 0.
template <class D>
HWY_INLINE hn::Vec<D> keep_scale(D d, const DropoutStream& stream, std::size_t index) {
  const hn::RebindToUnsigned<D> du;
  const hn::RebindToSigned<D> di;
  auto x = hn::Xor(hn::Iota(du, static_cast<std::uint32_t>(index)), hn::Set(du, stream.seed_low));
  x = hn::Mul(x, hn::Set(du, 0xCC9E2D51U));
  x = hn::Add(hn::Xor(x, hn::ShiftRight<15>(x)), hn::Set(du, stream.seed_high));
  x = hn::Mul(x, hn::Set(du, 0x85EBCA6BU));
  x = hn::Xor(x, hn::ShiftRight<13>(x));
  x = hn::Mul(x, hn::Set(du, 0xC2B2AE35U));
  x = hn::Xor(x, hn::ShiftRight<16>(x));
  // Signed comparison of 31 bits: the only integer comparison every instruction set has.
  const auto dropped = hn::Gt(hn::Set(di, static_cast<std::int32_t>(stream.threshold >> 1)),
                              hn::BitCast(di, hn::ShiftRight<1>(x)));
  return hn::IfThenZeroElse(hn::RebindMask(d, dropped), hn::Set(d, stream.scale));
}

void Add(float* HWY_RESTRICT x, const float* HWY_RESTRICT y, std::size_t count) {
  for_each_vector(count, [&](auto d, std::size_t i) {
    hn::StoreU(hn::Add(hn::LoadU(d, x + i), hn::LoadU(d, y + i)), d, x + i);
  });
}

void BiasReluDropout(float* HWY_RESTRICT x, const float* HWY_RESTRICT bias, std::size_t rows,
                     std::size_t columns, const DropoutStream& stream, std::size_t first_element) {
  for (std::size_t r = 0; r < rows; ++r) {
    float* row = x + r * columns;
    const std::size_t first = first_element + r * columns;
    if (stream.active()) {
      for_each_vector(columns, [&](auto d, std::size_t c) {
        const auto value = hn::Max(hn::Add(hn::LoadU(d, row + c), hn::LoadU(d, bias + c)), hn::Zero(d));
        hn::StoreU(hn::Mul(value, keep_scale(d, stream, first + c)), d, row + c);
      });
    } else {
      for_each_vector(columns, [&](auto d, std::size_t c) {
        hn::StoreU(hn::Max(hn::Add(hn::LoadU(d, row + c), hn::LoadU(d, bias + c)), hn::Zero(d)), d, row + c);
      });
    }
  }
}

void ReluDropoutBackward(float* HWY_RESTRICT gradient, const float* HWY_RESTRICT output, std::size_t count,
                         float scale) {
  for_each_vector(count, [&](auto d, std::size_t i) {
    const auto positive = hn::Gt(hn::LoadU(d, output + i), hn::Zero(d));
    hn::StoreU(hn::IfThenElseZero(positive, hn::Mul(hn::LoadU(d, gradient + i), hn::Set(d, scale))), d,
               gradient + i);
  });
}

void DropoutAdd(float* out, const float* x, const float* residual, std::size_t count,
                const DropoutStream& stream, std::size_t first_element) {
  for_each_vector(count, [&](auto d, std::size_t i) {
    auto value = hn::LoadU(d, x + i);
    if (stream.active()) value = hn::Mul(value, keep_scale(d, stream, first_element + i));
    if (residual != nullptr) value = hn::Add(value, hn::LoadU(d, residual + i));
    hn::StoreU(value, d, out + i);
  });
}

float SoftmaxDropout(float* HWY_RESTRICT scores, std::size_t count, float scale, const DropoutStream& stream,
                     std::size_t first_element) {
  const Wide wide;
  auto maxima = hn::Set(wide, -std::numeric_limits<float>::infinity());
  float maximum = -std::numeric_limits<float>::infinity();
  for_each_vector(count, [&](auto d, std::size_t i) {
    if constexpr (std::is_same_v<decltype(d), Wide>)
      maxima = hn::Max(maxima, hn::LoadU(d, scores + i));
    else
      maximum = scores[i] > maximum ? scores[i] : maximum;
  });
  const float wide_maximum = hn::GetLane(hn::MaxOfLanes(wide, maxima));
  maximum = wide_maximum > maximum ? wide_maximum : maximum;

  auto sums = hn::Zero(wide);
  float sum = 0;
  for_each_vector(count, [&](auto d, std::size_t i) {
    const auto value =
        hn::Exp(d, hn::Mul(hn::Sub(hn::LoadU(d, scores + i), hn::Set(d, maximum)), hn::Set(d, scale)));
    hn::StoreU(value, d, scores + i);
    if constexpr (std::is_same_v<decltype(d), Wide>)
      sums = hn::Add(sums, value);
    else
      sum += hn::GetLane(value);
  });
  sum += sum_lanes(wide, sums);

  const float inverse = 1.0F / sum;
  for_each_vector(count, [&](auto d, std::size_t i) {
    auto value = hn::Mul(hn::LoadU(d, scores + i), hn::Set(d, inverse));
    if (stream.active()) value = hn::Mul(value, keep_scale(d, stream, first_element + i));
    hn::StoreU(value, d, scores + i);
  });
  return maximum * scale + std::log(sum);
}

void SoftmaxDropoutBackward(float* HWY_RESTRICT scores, float* HWY_RESTRICT gradient, std::size_t count,
                            float scale, float log_sum, float delta, const DropoutStream& stream,
                            std::size_t first_element) {
  for_each_vector(count, [&](auto d, std::size_t i) {
    const auto probability =
        hn::Exp(d, hn::Sub(hn::Mul(hn::LoadU(d, scores + i), hn::Set(d, scale)), hn::Set(d, log_sum)));
    auto upstream = hn::LoadU(d, gradient + i);
    auto dropped = probability;
    if (stream.active()) {
      const auto keep = keep_scale(d, stream, first_element + i);
      upstream = hn::Mul(upstream, keep);
      dropped = hn::Mul(dropped, keep);
    }
    hn::StoreU(dropped, d, scores + i);
    const auto raw = hn::Mul(probability, hn::Sub(upstream, hn::Set(d, delta)));
    hn::StoreU(hn::Mul(raw, hn::Set(d, scale)), d, gradient + i);
  });
}

float Dot(const float* HWY_RESTRICT a, const float* HWY_RESTRICT b, std::size_t count) {
  const Wide wide;
  auto sums = hn::Zero(wide);
  float sum = 0;
  for_each_vector(count, [&](auto d, std::size_t i) {
    if constexpr (std::is_same_v<decltype(d), Wide>)
      sums = hn::MulAdd(hn::LoadU(d, a + i), hn::LoadU(d, b + i), sums);
    else
      sum += a[i] * b[i];
  });
  return sum + sum_lanes(wide, sums);
}

float CrossEntropy(float* HWY_RESTRICT logits, std::size_t vocabulary, std::size_t label, float smoothing,
                   float gradient_scale) {
  const Wide wide;
  auto maxima = hn::Set(wide, -std::numeric_limits<float>::infinity());
  auto totals = hn::Zero(wide);
  float maximum = -std::numeric_limits<float>::infinity();
  float total = 0;
  for_each_vector(vocabulary, [&](auto d, std::size_t i) {
    if constexpr (std::is_same_v<decltype(d), Wide>) {
      const auto value = hn::LoadU(d, logits + i);
      maxima = hn::Max(maxima, value);
      totals = hn::Add(totals, value);
    } else {
      maximum = logits[i] > maximum ? logits[i] : maximum;
      total += logits[i];
    }
  });
  const float wide_maximum = hn::GetLane(hn::MaxOfLanes(wide, maxima));
  maximum = wide_maximum > maximum ? wide_maximum : maximum;
  total += sum_lanes(wide, totals);

  const float label_logit = logits[label];
  auto sums = hn::Zero(wide);
  float sum = 0;
  for_each_vector(vocabulary, [&](auto d, std::size_t i) {
    const auto value = hn::Exp(d, hn::Sub(hn::LoadU(d, logits + i), hn::Set(d, maximum)));
    hn::StoreU(value, d, logits + i);
    if constexpr (std::is_same_v<decltype(d), Wide>)
      sums = hn::Add(sums, value);
    else
      sum += hn::GetLane(value);
  });
  sum += sum_lanes(wide, sums);
  const float log_sum = maximum + std::log(sum);

  if (gradient_scale != 0.0F) {
    const float factor = gradient_scale / sum;
    const float uniform = -gradient_scale * smoothing / static_cast<float>(vocabulary);
    for_each_vector(vocabulary, [&](auto d, std::size_t i) {
      hn::StoreU(hn::MulAdd(hn::LoadU(d, logits + i), hn::Set(d, factor), hn::Set(d, uniform)), d,
                 logits + i);
    });
    logits[label] -= gradient_scale * (1.0F - smoothing);
  }
  const float mean_loss = log_sum - total / static_cast<float>(vocabulary);
  return (1.0F - smoothing) * (log_sum - label_logit) + smoothing * mean_loss;
}

double SumOfSquares(const float* HWY_RESTRICT x, std::size_t count) {
  double total = 0;
  // Blocks keep float32 partial sums short, so that the norm of millions of gradients stays exact enough.
  constexpr std::size_t kBlock = 1024;
  for (std::size_t begin = 0; begin < count; begin += kBlock)
    total += static_cast<double>(Dot(x + begin, x + begin, count - begin < kBlock ? count - begin : kBlock));
  return total;
}

}  // namespace epicrisis::train::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace epicrisis::train::kernels {

HWY_EXPORT(Add);
HWY_EXPORT(BiasReluDropout);
HWY_EXPORT(ReluDropoutBackward);
HWY_EXPORT(DropoutAdd);
HWY_EXPORT(SoftmaxDropout);
HWY_EXPORT(SoftmaxDropoutBackward);
HWY_EXPORT(Dot);
HWY_EXPORT(CrossEntropy);
HWY_EXPORT(SumOfSquares);

void add(float* x, const float* y, std::size_t count) { HWY_DYNAMIC_DISPATCH(Add)(x, y, count); }
void add_bias(float* x, const float* bias, std::size_t rows, std::size_t columns) {
  for (std::size_t r = 0; r < rows; ++r) HWY_DYNAMIC_DISPATCH(Add)(x + r * columns, bias, columns);
}
void bias_relu_dropout(float* x, const float* bias, std::size_t rows, std::size_t columns,
                       const DropoutStream& stream, std::size_t first_element) {
  HWY_DYNAMIC_DISPATCH(BiasReluDropout)(x, bias, rows, columns, stream, first_element);
}
void relu_dropout_backward(float* gradient, const float* output, std::size_t count, float scale) {
  HWY_DYNAMIC_DISPATCH(ReluDropoutBackward)(gradient, output, count, scale);
}
void dropout_add(float* out, const float* x, const float* residual, std::size_t count,
                 const DropoutStream& stream, std::size_t first_element) {
  HWY_DYNAMIC_DISPATCH(DropoutAdd)(out, x, residual, count, stream, first_element);
}
void add_column_sums(float* sums, const float* x, std::size_t rows, std::size_t columns) {
  for (std::size_t r = 0; r < rows; ++r) HWY_DYNAMIC_DISPATCH(Add)(sums, x + r * columns, columns);
}
float softmax_dropout(float* scores, std::size_t count, float scale, const DropoutStream& stream,
                      std::size_t first_element) {
  return HWY_DYNAMIC_DISPATCH(SoftmaxDropout)(scores, count, scale, stream, first_element);
}
void softmax_dropout_backward(float* scores, float* gradient, std::size_t count, float scale, float log_sum,
                              float delta, const DropoutStream& stream, std::size_t first_element) {
  HWY_DYNAMIC_DISPATCH(SoftmaxDropoutBackward)
  (scores, gradient, count, scale, log_sum, delta, stream, first_element);
}
float dot(const float* a, const float* b, std::size_t count) {
  return HWY_DYNAMIC_DISPATCH(Dot)(a, b, count);
}
float cross_entropy(float* logits, std::size_t vocabulary, std::size_t label, float smoothing,
                    float gradient_scale) {
  return HWY_DYNAMIC_DISPATCH(CrossEntropy)(logits, vocabulary, label, smoothing, gradient_scale);
}
double sum_of_squares(const float* x, std::size_t count) {
  return HWY_DYNAMIC_DISPATCH(SumOfSquares)(x, count);
}

}  // namespace epicrisis::train::kernels
#endif  // HWY_ONCE
