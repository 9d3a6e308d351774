#include "generation/target_score.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "generation/generate.hpp"
#include "generation/scripted_backend.hpp"

namespace epicrisis {
namespace {

using testing::hashed_script;
using testing::ScriptedBackend;
using Ids = std::vector<TokenId>;

constexpr TokenId kStart = 2;

/// The sum of log-probabilities, the obvious way.
double expected_log_prob(const testing::Script& script, const ScoredPair& pair, Ids prefix) {
  double sum = 0;
  for (const TokenId token : pair.target) {
    const std::vector<float> logits = script(pair.source, prefix);
    double total = 0;
    for (const float logit : logits) total += std::exp(static_cast<double>(logit));
    sum += logits[static_cast<std::size_t>(token)] - std::log(total);
    prefix.push_back(token);
  }
  return sum;
}

std::vector<ScoredPair> pairs_of_many_lengths() {
  std::vector<ScoredPair> pairs;
  for (TokenId i = 0; i < 17; ++i) {
    pairs.push_back(
        {Ids(static_cast<std::size_t>(1 + i % 5), i), Ids(static_cast<std::size_t>(1 + i * 7 % 11), 16 - i)});
  }
  return pairs;
}

TEST(TargetScore, SumsTheLogProbabilitiesOfTheTarget) {
  const auto script = hashed_script(20, 6);
  for (const bool encoder_decoder : {true, false}) {
    ScriptedBackend backend(20, script);
    backend.encoder_decoder = encoder_decoder;
    backend.rows = 4;  // pairs come and go
    const std::vector<ScoredPair> pairs = pairs_of_many_lengths();
    const auto scores = target_log_probs(backend, pairs, kStart);
    ASSERT_TRUE(scores) << scores.error().to_line();
    ASSERT_EQ(scores->size(), pairs.size());
    EXPECT_EQ(backend.sources_left, 0);
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      const Ids prefix = encoder_decoder ? Ids{kStart} : pairs[i].source;
      EXPECT_NEAR(scores->at(i), expected_log_prob(script, pairs[i], prefix), 1e-4) << "pair " << i;
      EXPECT_EQ(target_log_probs(backend, {&pairs[i], 1}, kStart)->at(0), scores->at(i)) << "alone";
    }
  }
}

TEST(TargetScore, StartsWithTheLastTokenWhereThereIsNoStartToken) {
  const auto script = hashed_script(20, 6);
  const ScriptedBackend backend(20, script);
  const std::vector<ScoredPair> pairs = {{{4, 5}, {7, 8, 2, 11}}, {{6}, {9}}};
  const auto scores = target_log_probs(backend, pairs, std::nullopt);
  ASSERT_TRUE(scores) << scores.error().to_line();
  EXPECT_NEAR(scores->at(0), expected_log_prob(script, pairs[0], {11}), 1e-4);
  EXPECT_NEAR(scores->at(1), expected_log_prob(script, pairs[1], {9}), 1e-4);
}

TEST(TargetScore, OfWhatGreedySearchWritesIsItsScore) {
  const ScriptedBackend backend(20, hashed_script(20, 6));
  GenerationConfig config;
  config.max_length = 9;
  const auto written = generate(backend, std::vector<Ids>{{4, 5}}, config);
  ASSERT_TRUE(written);
  const Hypothesis& hypothesis = written->at(0).at(0);
  const ScoredPair pair = {{4, 5}, Ids(hypothesis.ids.begin() + 1, hypothesis.ids.end())};
  EXPECT_NEAR(target_log_probs(backend, {&pair, 1}, 0)->at(0), hypothesis.score, 1e-9);
}

TEST(TargetScore, NamesThePairThatIsWrong) {
  ScriptedBackend backend(20, hashed_script(20, 6));
  const auto line = [&](ScoredPair pair) {
    const std::vector<ScoredPair> pairs = {{{3}, {4}}, std::move(pair)};
    const auto scores = target_log_probs(backend, pairs, kStart);
    return scores ? std::string() : scores.error().public_message;
  };
  EXPECT_EQ(line({{}, {4}}), "Pair 1: the source has no tokens.");
  EXPECT_EQ(line({{4}, {}}), "Pair 1: the target has no tokens.");
  EXPECT_EQ(line({{4}, {20}}), "Pair 1: the target has a token outside the vocabulary of 20.");
  EXPECT_EQ(line({{4}, Ids(1001, 3)}), "Pair 1: 1001 tokens pass the 1000 positions of this model.");
  EXPECT_EQ(line({{4, 5, 6}, Ids(999, 3)}), "");
  backend.encoder_decoder = false;
  EXPECT_EQ(line({{4, 5, 6}, Ids(999, 3)}), "Pair 1: 1001 tokens pass the 1000 positions of this model.");
  EXPECT_EQ(line({{4, 5}, Ids(999, 3)}), "") << "the last token is not read";
}

TEST(TargetScore, RefusesTheOutputOfADamagedModel) {
  const ScriptedBackend backend(3, [](const Ids&, const Ids&) {
    return std::vector<float>(3, std::numeric_limits<float>::quiet_NaN());
  });
  const ScoredPair pair = {{1}, {2}};
  EXPECT_EQ(target_log_probs(backend, {&pair, 1}, kStart).error().code, ErrorCode::kCorrupt);
}

TEST(TargetScore, StopsWhenAskedTo) {
  std::stop_source stop;
  stop.request_stop();
  const ScriptedBackend backend(20, hashed_script(20, 6));
  const ScoredPair pair = {{1}, {2}};
  EXPECT_EQ(target_log_probs(backend, {&pair, 1}, kStart, stop.get_token()).error().code,
            ErrorCode::kCancelled);
}

}  // namespace
}  // namespace epicrisis
