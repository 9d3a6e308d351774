#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "generation/generate.hpp"
#include "generation/scripted_backend.hpp"

namespace epicrisis {
namespace {

using testing::hashed_script;
using testing::ScriptedBackend;
using Ids = std::vector<TokenId>;

constexpr TokenId kEos = 1;

GenerationConfig beam_sampling(int beams, int returned = 1) {
  GenerationConfig config;
  config.do_sample = true;
  config.num_beams = beams;
  config.num_return_sequences = returned;
  config.max_length = 12;
  config.seed = 4;
  return config;
}

std::vector<Hypothesis> run(const ScriptedBackend& backend, const GenerationConfig& config) {
  const auto found = generate(backend, std::vector<Ids>{{7, 3}}, config);
  EXPECT_TRUE(found) << found.error().to_line();
  return found ? found->at(0) : std::vector<Hypothesis>();
}

TEST(BeamSampling, RepeatsWithASeedAndDiffersWithAnother) {
  const ScriptedBackend backend(40, hashed_script(40, 8));
  GenerationConfig config = beam_sampling(3, 5);
  const auto once = run(backend, config);
  const auto again = run(backend, config);
  ASSERT_EQ(once.size(), 5U);
  std::set<Ids> distinct;
  for (std::size_t i = 0; i < once.size(); ++i) {
    EXPECT_EQ(once[i].ids, again[i].ids);
    EXPECT_EQ(once[i].score, again[i].score);
    distinct.insert(once[i].ids);
  }
  EXPECT_GT(distinct.size(), 1U) << "each sequence is a search with draws of its own";
  config.seed = 5;
  EXPECT_NE(run(backend, config)[0].ids, once[0].ids);
}

TEST(BeamSampling, OneSequenceIsTheFirstOfSeveral) {
  const ScriptedBackend backend(40, hashed_script(40, 8));
  EXPECT_EQ(run(backend, beam_sampling(3, 1))[0].ids, run(backend, beam_sampling(3, 4))[0].ids);
}

TEST(BeamSampling, ScoresAreSumsDividedByTheTemperatureAtEachStep) {
  // The reference's filters divide the sum so far, too: after two steps at temperature 0.5 a token's
  // log-probabilities a, b have become (a / 0.5 + b) / 0.5.
  const auto script = hashed_script(20, 2);
  const ScriptedBackend backend(20, script);
  GenerationConfig config = beam_sampling(2);
  config.temperature = 0.5;
  config.max_length = 4;
  config.eos_token_ids = {};
  config.length_penalty = 0;
  const Hypothesis found = run(backend, config)[0];
  ASSERT_EQ(found.ids.size(), 4U);
  double expected = 0;
  for (std::size_t i = 1; i < found.ids.size(); ++i) {
    const std::vector<float> logits =
        script({7, 3}, Ids(found.ids.begin(), found.ids.begin() + static_cast<std::ptrdiff_t>(i)));
    double total = 0;
    for (const float logit : logits) total += std::exp(static_cast<double>(logit));
    expected = (expected + logits[static_cast<std::size_t>(found.ids[i])] - std::log(total)) / 0.5;
  }
  EXPECT_NEAR(found.score, expected, 1e-4);
}

TEST(BeamSampling, DrawsInProportion) {
  // One step: of two beams the better of four draws without replacement is kept. The chance that the token of
  // probability p is never drawn falls as p grows; with a lone likely token it is nearly always the result.
  const ScriptedBackend backend(6, [](const Ids&, const Ids&) {
    return std::vector<float>{std::log(0.9F),  -1e30F,          std::log(0.04F),
                              std::log(0.03F), std::log(0.02F), std::log(0.01F)};
  });
  GenerationConfig config = beam_sampling(2, 100);
  config.max_length = 2;
  std::map<TokenId, int> drawn;
  for (const Hypothesis& hypothesis : run(backend, config)) ++drawn[hypothesis.ids.at(1)];
  EXPECT_GE(drawn[0], 95) << "drawn first with 0.9, then among the rest again";
  EXPECT_EQ(drawn[1], 0);
}

TEST(BeamSampling, TopKOfOneIsBeamSearchOverTwo) {
  // Two tokens a beam always stay, all of which are drawn: nothing is left to chance.
  const ScriptedBackend backend(40, hashed_script(40, 8));
  GenerationConfig config = beam_sampling(2);
  config.top_k = 1;
  const Ids first = run(backend, config)[0].ids;
  for (std::uint64_t seed = 1; seed < 10; ++seed) {
    config.seed = seed;
    EXPECT_EQ(run(backend, config)[0].ids, first);
  }
}

TEST(BeamSampling, RenormalisingForgetsTheSums) {
  const ScriptedBackend backend(40, hashed_script(40, 8));
  GenerationConfig config = beam_sampling(2);
  config.renormalize_logits = true;
  config.length_penalty = 0;
  config.max_length = 6;
  config.eos_token_ids = {};
  // The score is the log-probability of the last token alone.
  EXPECT_GT(run(backend, config)[0].score, -8.0);
  EXPECT_LE(run(backend, config)[0].score, 0.0);
}

TEST(BeamSampling, ForcedTokensLeaveNothingToDraw) {
  const ScriptedBackend backend(40, hashed_script(40, 8));
  GenerationConfig config = beam_sampling(3, 2);
  config.forced_bos_token_id = 17;
  config.forced_eos_token_ids = {kEos};
  config.min_length = 12;
  for (const Hypothesis& hypothesis : run(backend, config)) {
    EXPECT_EQ(hypothesis.ids.size(), 12U);
    EXPECT_EQ(hypothesis.ids.at(1), 17);
    EXPECT_EQ(hypothesis.ids.back(), kEos);
    EXPECT_TRUE(std::isfinite(hypothesis.score));
  }
}

TEST(BeamSampling, RefusesTheOutputOfADamagedModel) {
  const ScriptedBackend backend(30, [](const Ids&, const Ids&) {
    return std::vector<float>(30, std::numeric_limits<float>::quiet_NaN());
  });
  const auto result = generate(backend, std::vector<Ids>{{3}}, beam_sampling(3, 2));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace epicrisis
