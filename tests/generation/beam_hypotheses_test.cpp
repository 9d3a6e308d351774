#include "generation/beam_hypotheses.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace epicrisis {
namespace {

using Ids = std::vector<TokenId>;

GenerationConfig two_beams(EarlyStopping early_stopping, double length_penalty = 1.0) {
  GenerationConfig config;
  config.num_beams = 2;
  config.early_stopping = early_stopping;
  config.length_penalty = length_penalty;
  return config;
}

TEST(BeamHypotheses, ScoreCountsTheStartTokenButNotTheClosingOne) {
  BeamHypotheses hypotheses(two_beams(EarlyStopping::kTrue, 2.0), 20);
  hypotheses.add({0, 5, 6}, -9.0, true);
  const auto best = hypotheses.best(1, 1);
  ASSERT_EQ(best.size(), 1U);
  EXPECT_EQ(best[0].ids, (Ids{0, 5, 6, 1}));
  EXPECT_DOUBLE_EQ(best[0].score, -1.0);
}

TEST(BeamHypotheses, KeepsTheBest) {
  BeamHypotheses hypotheses(two_beams(EarlyStopping::kTrue, 0.0), 20);
  hypotheses.add({0, 4}, -4, true);
  hypotheses.add({0, 2}, -2, true);
  hypotheses.add({0, 5}, -5, true);
  hypotheses.add({0, 3}, -3, false);
  const auto best = hypotheses.best(2, 1);
  ASSERT_EQ(best.size(), 2U);
  EXPECT_EQ(best[0].ids, (Ids{0, 2, 1}));
  EXPECT_EQ(best[1].ids, (Ids{0, 3})) << "a sequence that did not end gets no closing token";
}

TEST(BeamHypotheses, OfEqualScoresTheLaterComesFirst) {
  BeamHypotheses hypotheses(two_beams(EarlyStopping::kTrue, 0.0), 20);
  hypotheses.add({0, 4}, -4, true);
  hypotheses.add({0, 7}, -4, true);
  hypotheses.add({0, 8}, -4, true);  // does not beat the worst
  EXPECT_EQ(hypotheses.best(1, 1)[0].ids, (Ids{0, 7, 1}));
}

TEST(BeamHypotheses, EarlyStoppingDecidesWhenTheSearchIsOver) {
  // Worst finished: -6 / 3 = -2. A running -8 is worth -8/5 = -1.6 at length 5 and -8/20 = -0.4 at 20.
  const auto done = [](EarlyStopping early_stopping, double running, double penalty = 1.0) {
    BeamHypotheses hypotheses(two_beams(early_stopping, penalty), 20);
    hypotheses.add({0, 4, 5}, -3, true);
    EXPECT_FALSE(hypotheses.is_done(-1e6, 5)) << "never before num_beams are finished";
    hypotheses.add({0, 4, 6}, -6, true);
    return hypotheses.is_done(running, 5);
  };
  EXPECT_TRUE(done(EarlyStopping::kTrue, -0.1));
  EXPECT_FALSE(done(EarlyStopping::kFalse, -8));
  EXPECT_TRUE(done(EarlyStopping::kFalse, -10)) << "level is enough";
  EXPECT_FALSE(done(EarlyStopping::kNever, -10));
  EXPECT_TRUE(done(EarlyStopping::kNever, -40));
  // A negative penalty favours the short: the current length is the most it can reach.
  EXPECT_TRUE(done(EarlyStopping::kNever, -4, -1.0));
  EXPECT_FALSE(done(EarlyStopping::kNever, -3.5, -1.0));
}

}  // namespace
}  // namespace epicrisis
