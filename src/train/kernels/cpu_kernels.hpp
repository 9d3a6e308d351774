#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

/// The loops between the matrix products of a training step, for float32 on CPU. Compiled for every
/// instruction set by Highway and chosen at run time. All are single-threaded: callers split rows over
/// threads. Matrices are row-major; a row stride is in elements.
namespace epicrisis::train::kernels {

/// A random mask that is computed, never stored: element i of a stream is kept iff hash(seed, i) >=
/// threshold, so forward and backward agree by naming the same stream. Kept elements are multiplied by
/// `scale` = 1 / (1 - p).
struct DropoutStream {
  std::uint32_t seed_low = 0;
  std::uint32_t seed_high = 0;
  std::uint32_t threshold = 0;  ///< p * 2^32; 0 keeps everything.
  float scale = 1.0F;

  static DropoutStream create(double probability, std::uint64_t seed);
  bool active() const noexcept { return threshold != 0; }
  /// The stream of part `index` (a sequence, a head) of what this one covers.
  DropoutStream part(std::uint64_t index) const;
};

/// x[i] += y[i].
void add(float* x, const float* y, std::size_t count);
/// Adds `bias` [columns] to each row.
void add_bias(float* x, const float* bias, std::size_t rows, std::size_t columns);
/// x = dropout(relu(x + bias)); element (r, c) is element first_element + r * columns + c of `stream`.
void bias_relu_dropout(float* x, const float* bias, std::size_t rows, std::size_t columns,
                       const DropoutStream& stream, std::size_t first_element);
/// gradient *= scale where `output` of bias_relu_dropout is positive, else 0.
void relu_dropout_backward(float* gradient, const float* output, std::size_t count, float scale);
/// out = (residual or 0) + dropout(x). `residual` may be null; `out` may be `x`.
void dropout_add(float* out, const float* x, const float* residual, std::size_t count,
                 const DropoutStream& stream, std::size_t first_element);
/// sums[c] += sum over rows of x[r, c].
void add_column_sums(float* sums, const float* x, std::size_t rows, std::size_t columns);

/// Attention probabilities of one query: scores[0, count) become dropout(softmax(scale * scores)). Returns
/// the logarithm of the sum of exponentials of the scaled scores.
float softmax_dropout(float* scores, std::size_t count, float scale, const DropoutStream& stream,
                      std::size_t first_element);
/// Backward of softmax_dropout for one query. In: raw `scores`, `gradient` with respect to the dropped-out
/// probabilities, the query's log-sum, and `delta`, the dot product of output and its gradient. Out: `scores`
/// hold the dropped-out probabilities again, `gradient` the gradient of the raw scores.
void softmax_dropout_backward(float* scores, float* gradient, std::size_t count, float scale, float log_sum,
                              float delta, const DropoutStream& stream, std::size_t first_element);
float dot(const float* a, const float* b, std::size_t count);

/// Label-smoothed cross-entropy of one row of logits against `label`: (1 - smoothing) * -log p(label) +
/// smoothing * mean of -log p. With `gradient_scale` != 0 the logits become gradient_scale times the loss'
/// gradient.
float cross_entropy(float* logits, std::size_t vocabulary, std::size_t label, float smoothing,
                    float gradient_scale);

double sum_of_squares(const float* x, std::size_t count);

}  // namespace epicrisis::train::kernels
