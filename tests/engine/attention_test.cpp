#include "engine/kernels/attention.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/kernels_fixture.hpp"

namespace epicrisis::kernels {
namespace {

using Attention = Kernels;

/// Positions [length][key, value][head_dim], laid out in the order `places`.
struct CachedPositions {
  CachedPositions(int length, int head_dim, bool reversed)
      : memory(random_values(static_cast<std::size_t>(2 * length * head_dim), 12)) {
    std::vector<float> original = memory;
    for (int t = 0; t < length; ++t) {
      const int place = reversed ? length - 1 - t : t;
      std::copy_n(original.data() + 2 * t * head_dim, 2 * head_dim, memory.data() + 2 * place * head_dim);
      pointers.push_back(memory.data() + 2 * place * head_dim);
    }
  }
  std::vector<float> memory;
  std::vector<const float*> pointers;
};

CachedAttentionArgs attention_args(const std::vector<float>& query, const CachedPositions& cached,
                                   std::vector<float>& scores, std::vector<float>& out) {
  CachedAttentionArgs args;
  args.query = query.data();
  args.positions = cached.pointers.data();
  args.key_offset = 0;
  args.value_offset = static_cast<std::ptrdiff_t>(query.size());
  args.length = static_cast<int>(cached.pointers.size());
  args.head_dim = static_cast<int>(query.size());
  args.scale = 0.3F;
  args.scores = scores.data();
  args.out = out.data();
  return args;
}

void expect_attention_agrees(int head_dim, int length, const float* bias) {
  SCOPED_TRACE(testing::Message() << "Dh " << head_dim << " length " << length << " bias "
                                  << (bias != nullptr));
  const CachedPositions cached(length, head_dim, false);
  const auto query = random_values(static_cast<std::size_t>(head_dim), 13);
  std::vector<float> simd(query.size());
  std::vector<float> scalar(query.size());
  std::vector<float> probabilities(static_cast<std::size_t>(length));
  std::vector<float> scratch(static_cast<std::size_t>(length));
  CachedAttentionArgs args = attention_args(query, cached, scratch, simd);
  args.bias = bias;
  cached_attention(args);
  args = attention_args(query, cached, probabilities, scalar);
  args.bias = bias;
  reference::cached_attention(args);
  double score_error = 0;  // of the largest score, scaled
  double score_size = 0;
  for (int t = 0; t < length; ++t) {
    const float* position = cached.pointers[static_cast<std::size_t>(t)];
    double sum = 0;
    for (int d = 0; d < head_dim; ++d)
      sum += std::abs(static_cast<double>(query[static_cast<std::size_t>(d)]) * position[d]);
    const double biased = 0.3 * sum + (bias != nullptr ? std::abs(bias[t]) : 0.0F);
    score_error = std::max(score_error, 0.3 * gamma(head_dim) * sum + 2 * kUnit * biased);
    score_size = std::max(score_size, 2 * biased);
  }
  // Errors of two scores move a probability by their sum at most (to first order).
  const double relative = 2.1 * score_error + softmax_bound(score_size, length) + gamma(length + 1);
  for (int d = 0; d < head_dim; ++d) {
    double magnitude = 0;
    for (int t = 0; t < length; ++t)
      magnitude += probabilities[static_cast<std::size_t>(t)] *
                   std::abs(cached.pointers[static_cast<std::size_t>(t)][head_dim + d]);
    const auto at = static_cast<std::size_t>(d);
    ASSERT_NEAR(simd[at], scalar[at], relative * magnitude) << "element " << d;
  }
}

TEST_P(Attention, CachedAttentionAgreesWithTheReference) {
  const auto bias = random_values(130, 16, 3.0F);
  for (const int head_dim : {1, 12, 16, 64, 72, 128}) {
    for (const int length : {1, 3, 4, 9, 130}) {
      expect_attention_agrees(head_dim, length, nullptr);
      expect_attention_agrees(head_dim, length, bias.data());
    }
  }
}

TEST_P(Attention, CachedAttentionDoesNotDependOnWherePositionsLie) {
  for (const int head_dim : {12, 64}) {
    const CachedPositions in_order(50, head_dim, false);
    const CachedPositions reversed(50, head_dim, true);
    const auto query = random_values(static_cast<std::size_t>(head_dim), 14);
    std::vector<float> scores(50);
    std::vector<float> first(query.size());
    std::vector<float> second(query.size());
    cached_attention(attention_args(query, in_order, scores, first));
    cached_attention(attention_args(query, reversed, scores, second));
    EXPECT_EQ(first, second);
  }
}

EPICRISIS_TEST_EVERY_TARGET(Attention);

}  // namespace
}  // namespace epicrisis::kernels
