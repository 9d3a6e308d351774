#include "generation/top_candidates.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "generation/log_softmax.hpp"
#include "generation/random.hpp"

namespace epicrisis {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

TEST(TopCandidates, AgreesWithAStableSort) {
  RandomStream random(7, 0);
  std::vector<Candidate> best;
  for (const std::size_t size : {1U, 2U, 31U, 33U, 500U, 1503U}) {
    for (const std::size_t count : {1U, 2U, 16U, 40U}) {
      std::vector<float> scores(size);
      for (float& score : scores) {
        score = static_cast<float>(random.next() % 200) / 7;  // many ties
        if (random.next() % 10 == 0) score = -kInfinity;
      }
      std::vector<TokenId> order(size);
      std::iota(order.begin(), order.end(), 0);
      std::stable_sort(order.begin(), order.end(), [&](TokenId a, TokenId b) {
        return scores[static_cast<std::size_t>(a)] > scores[static_cast<std::size_t>(b)];
      });
      top_candidates(scores, count, best);
      ASSERT_EQ(best.size(), std::min(size, count));
      for (std::size_t i = 0; i < best.size(); ++i) EXPECT_EQ(best[i].token, order[i]) << size << ' ' << i;
    }
  }
}

TEST(TopCandidates, SkipsWhatIsNoNumber) {
  std::vector<float> scores(100, std::numeric_limits<float>::quiet_NaN());
  EXPECT_EQ(arg_max(scores), -1);
  scores[70] = -3;
  EXPECT_EQ(arg_max(scores), 70);
  std::vector<Candidate> best;
  top_candidates(scores, 5, best);
  EXPECT_EQ(best.size(), 1U);
}

TEST(LogSumExp, AgreesWithTheObviousSum) {
  RandomStream random(8, 0);
  for (const std::size_t size : {1U, 15U, 16U, 17U, 1503U, 96103U}) {
    for (const double spread : {0.0, 1.0, 30.0, 300.0}) {
      std::vector<float> logits(size);
      for (float& logit : logits) logit = static_cast<float>((2 * random.uniform() - 1) * spread);
      const float largest = *std::max_element(logits.begin(), logits.end());
      double total = 0;
      for (const float logit : logits) total += std::exp(static_cast<double>(logit) - largest);
      // Ten float roundings a block and four ulp of each exponential: a relative error of the sum, and so an
      // absolute one of its logarithm, below 16 * 2^-24; then the rounding of logit - largest.
      EXPECT_NEAR(log_sum_exp(logits), largest + std::log(total), (16 + 2 * spread) * 0x1.0p-24) << size;
    }
  }
}

TEST(LogSumExp, TreatsInfinitiesAndNaN) {
  const std::vector<float> nothing(20, -kInfinity);
  EXPECT_EQ(log_sum_exp(nothing), -kInfinity);
  std::vector<float> logits(20, -kInfinity);
  logits[3] = 2;
  EXPECT_DOUBLE_EQ(log_sum_exp(logits), 2);
  logits[4] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(std::isnan(log_sum_exp(logits)));
}

}  // namespace
}  // namespace epicrisis
