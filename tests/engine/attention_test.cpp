#include "engine/kernels/attention.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/kernels/cpu_extensions.hpp"
#include "engine/kernels_fixture.hpp"
#include "engine/layers/tiled_attention.hpp"

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

/// A head's queries, keys and values [length, Dh] and their biases by distance.
struct Head {
  Head(int tokens, int width, bool is_narrow)
      : length(tokens),
        head_dim(width),
        narrow(is_narrow),
        queries(random_values(static_cast<std::size_t>(tokens * width), 21)),
        keys(random_values(queries.size(), 22)),
        values(random_values(queries.size(), 23)),
        biases(random_values(static_cast<std::size_t>(2 * tokens), 24)),
        scratch(engine::tile_scratch_floats(width)) {
    const auto size = engine::tile_floats(width, narrow);
    for (int first = 0; first < length; first += engine::kKeyTile) {
      tiles.resize(tiles.size() + size);
      engine::pack_tile(keys.data() + first * width, values.data() + first * width,
                        std::min(engine::kKeyTile, length - first), width, narrow,
                        tiles.data() + tiles.size() - size, scratch.data());
    }
  }

  std::vector<float> attend(int first, int count) {
    std::vector<float> out(static_cast<std::size_t>(count * head_dim));
    engine::TiledAttention attention;
    attention.queries = queries.data() + first * head_dim;
    attention.query_count = count;
    attention.tiles = tiles.data();
    attention.values = values.data();
    attention.length = length;
    attention.head_dim = head_dim;
    attention.narrow = narrow;
    attention.scale = 0.3F;
    attention.bias = biases.data() + length - first;
    attention.scratch = scratch.data();
    attention.out = out.data();
    attention.out_stride = head_dim;
    attend_tiled(attention);
    return out;
  }

  /// One query's result; `magnitude`: what its sum adds up in all.
  std::vector<double> expected(int query, std::vector<double>& magnitude) const {
    std::vector<double> scores;
    double sum = 0;
    for (int t = 0; t < length; ++t) {
      double score = 0;
      for (int d = 0; d < head_dim; ++d)
        score += static_cast<double>(at(queries, query, d)) * static_cast<double>(at(keys, t, d));
      scores.push_back(std::exp(0.3 * score + biases[static_cast<std::size_t>(length - query + t)]));
      sum += scores.back();
    }
    std::vector<double> result(static_cast<std::size_t>(head_dim));
    magnitude.assign(result.size(), 0);
    for (int t = 0; t < length; ++t) {
      for (std::size_t d = 0; d < result.size(); ++d) {
        const double part = scores[static_cast<std::size_t>(t)] / sum * at(values, t, static_cast<int>(d));
        result[d] += part;
        magnitude[d] += std::abs(part);
      }
    }
    return result;
  }

  float at(const std::vector<float>& rows, int row, int d) const {
    return rows[static_cast<std::size_t>(row * head_dim + d)];
  }

  int length;
  int head_dim;
  bool narrow;
  std::vector<float> queries, keys, values, biases, tiles, scratch;
};

bool can_be_narrow() { return cpu_extensions().bfloat16; }

// Scores are of the order of 0.3 * Dh^0.5 * 4; narrow operands are off by 2^-9, each exponent by that much.
TEST_P(Attention, TiledAttentionIsThatOfWholeRows) {
  for (const bool narrow : {false, true}) {
    if (narrow && !can_be_narrow()) continue;
    for (const int head_dim : {8, 64, 72}) {
      for (const int length : {1, 47, 128, 129, 300}) {
        Head head(length, head_dim, narrow);
        const int count = std::min(length, 5);
        const std::vector<float> result = head.attend(length - count, count);
        const double score_error = std::sqrt(head_dim) * (narrow ? 0x1p-7 : 0x1p-19);
        std::vector<double> magnitude;
        for (int q = 0; q < count; ++q) {
          const std::vector<double> expected = head.expected(length - count + q, magnitude);
          for (std::size_t d = 0; d < expected.size(); ++d)
            ASSERT_NEAR(result[static_cast<std::size_t>(q) * expected.size() + d], expected[d],
                        2 * score_error * magnitude[d])
                << "Dh " << head_dim << " length " << length << " query " << q << " narrow " << narrow;
        }
      }
    }
  }
}

TEST_P(Attention, TiledAttentionOfAQueryHasTheSameBitsAloneAndInABlock) {
  for (const bool narrow : {false, true}) {
    if (narrow && !can_be_narrow()) continue;
    Head head(200, 24, narrow);
    const std::vector<float> block = head.attend(100, engine::kQueryBlock);
    for (int q = 0; q < engine::kQueryBlock; ++q) {
      const std::vector<float> alone = head.attend(100 + q, 1);
      ASSERT_TRUE(std::equal(alone.begin(), alone.end(), block.begin() + std::ptrdiff_t{q} * 24)) << q;
    }
  }
}

EPICRISIS_TEST_EVERY_TARGET(Attention);

}  // namespace
}  // namespace epicrisis::kernels
