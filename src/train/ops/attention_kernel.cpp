#include "train/ops/attention_kernel.hpp"

#include <algorithm>
#include <vector>

#include "train/ops/gemm.hpp"

namespace epicrisis::train {
namespace {

/// Queries at a time: 64 rows of 1,024 float32 scores and their gradients are half a megabyte, a level-2
/// cache.
constexpr std::int64_t kQueryBlock = 64;

struct Scratch {
  std::vector<float> scores, gradients;

  /// Grows, never shrinks: one a thread, so a training step allocates nothing here.
  static Scratch& of_thread(std::int64_t elements) {
    thread_local Scratch scratch;
    if (scratch.scores.size() < static_cast<std::size_t>(elements)) {
      scratch.scores.resize(static_cast<std::size_t>(elements));
      scratch.gradients.resize(static_cast<std::size_t>(elements));
    }
    return scratch;
  }
};

/// Keys that some query before `end` sees.
std::int64_t visible_keys(const AttentionRows& rows, const AttentionMask& mask, std::int64_t end) {
  return mask.causal ? std::min(rows.keys, mask.first_query + end) : rows.keys;
}

std::size_t keys_of_query(const AttentionRows& rows, const AttentionMask& mask, std::int64_t query) {
  return static_cast<std::size_t>(visible_keys(rows, mask, query + 1));
}

void compute_scores(const AttentionRows& rows, std::int64_t begin, std::int64_t end, std::int64_t keys,
                    float* scores) {
  gemm(Transpose::kNo, Transpose::kYes, end - begin, keys, rows.head_dim,
       rows.query + begin * rows.query_stride, rows.query_stride, rows.key, rows.key_stride, 0.0F, scores,
       keys);
}

/// Makes raw scores of a query scaled ones with their bias, and returns by what they are still to be scaled.
float add_bias(const AttentionRows& rows, const AttentionMask& mask, std::int64_t query, std::size_t visible,
               float* scores) {
  if (rows.bias == nullptr) return mask.scale;
  const float* bias = rows.bias - (mask.first_query + query);
  for (std::size_t key = 0; key < visible; ++key) scores[key] = scores[key] * mask.scale + bias[key];
  return 1.0F;
}

/// Its gradient: of the bias to `bias_gradient` (unless null), of the raw scores in place.
void add_bias_backward(const AttentionMask& mask, std::int64_t query, std::size_t visible, float* gradient,
                       float* bias_gradient) {
  if (bias_gradient != nullptr) {
    float* own = bias_gradient - (mask.first_query + query);
    for (std::size_t key = 0; key < visible; ++key) own[key] += gradient[key];
  }
  for (std::size_t key = 0; key < visible; ++key) gradient[key] *= mask.scale;
}

}  // namespace

void attention_forward(const AttentionRows& rows, const AttentionMask& mask, float* out,
                       std::int64_t out_stride, float* log_sums) {
  float* scores = Scratch::of_thread(kQueryBlock * rows.keys).scores.data();
  for (std::int64_t begin = 0; begin < rows.queries; begin += kQueryBlock) {
    const std::int64_t end = std::min(rows.queries, begin + kQueryBlock);
    const std::int64_t keys = visible_keys(rows, mask, end);
    compute_scores(rows, begin, end, keys, scores);
    for (std::int64_t query = begin; query < end; ++query) {
      float* row = scores + (query - begin) * keys;
      const std::size_t visible = keys_of_query(rows, mask, query);
      const float scale = add_bias(rows, mask, query, visible, row);
      log_sums[query] = kernels::softmax_dropout(row, visible, scale, mask.dropout,
                                                 static_cast<std::size_t>(query * rows.keys));
      std::fill(row + visible, row + keys, 0.0F);
    }
    gemm(Transpose::kNo, Transpose::kNo, end - begin, rows.head_dim, keys, scores, keys, rows.value,
         rows.key_stride, 0.0F, out + begin * out_stride, out_stride);
  }
}

void attention_backward(const AttentionRows& rows, const AttentionMask& mask, const float* out,
                        const float* out_gradient, std::int64_t out_stride, const float* log_sums,
                        const AttentionRows& gradients) {
  Scratch& scratch = Scratch::of_thread(kQueryBlock * rows.keys);
  float* scores = scratch.scores.data();
  float* score_gradients = scratch.gradients.data();
  const auto head_dim = static_cast<std::size_t>(rows.head_dim);
  for (std::int64_t key = 0; key < rows.keys; ++key) {
    std::fill_n(gradients.key + key * gradients.key_stride, head_dim, 0.0F);
    std::fill_n(gradients.value + key * gradients.key_stride, head_dim, 0.0F);
  }
  for (std::int64_t begin = 0; begin < rows.queries; begin += kQueryBlock) {
    const std::int64_t end = std::min(rows.queries, begin + kQueryBlock);
    const std::int64_t count = end - begin;
    const std::int64_t keys = visible_keys(rows, mask, end);
    const float* block_gradient = out_gradient + begin * out_stride;
    compute_scores(rows, begin, end, keys, scores);
    gemm(Transpose::kNo, Transpose::kYes, count, keys, rows.head_dim, block_gradient, out_stride, rows.value,
         rows.key_stride, 0.0F, score_gradients, keys);
    for (std::int64_t query = begin; query < end; ++query) {
      const std::int64_t row = (query - begin) * keys;
      const std::size_t visible = keys_of_query(rows, mask, query);
      const float delta = kernels::dot(out + query * out_stride, out_gradient + query * out_stride, head_dim);
      const float scale = add_bias(rows, mask, query, visible, scores + row);
      kernels::softmax_dropout_backward(scores + row, score_gradients + row, visible, scale, log_sums[query],
                                        delta, mask.dropout, static_cast<std::size_t>(query * rows.keys));
      if (rows.bias != nullptr)
        add_bias_backward(mask, query, visible, score_gradients + row, gradients.bias);
      std::fill(scores + row + visible, scores + row + keys, 0.0F);
      std::fill(score_gradients + row + visible, score_gradients + row + keys, 0.0F);
    }
    gemm(Transpose::kNo, Transpose::kNo, count, rows.head_dim, keys, score_gradients, keys, rows.key,
         rows.key_stride, 0.0F, gradients.query + begin * gradients.query_stride, gradients.query_stride);
    gemm(Transpose::kYes, Transpose::kNo, keys, rows.head_dim, count, score_gradients, keys,
         rows.query + begin * rows.query_stride, rows.query_stride, 1.0F, gradients.key,
         gradients.key_stride);
    gemm(Transpose::kYes, Transpose::kNo, keys, rows.head_dim, count, scores, keys, block_gradient,
         out_stride, 1.0F, gradients.value, gradients.key_stride);
  }
}

}  // namespace epicrisis::train
