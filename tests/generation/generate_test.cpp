#include "generation/generate.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <ostream>
#include <string>

#include "generation/scripted_backend.hpp"

namespace epicrisis {
namespace {

using testing::hashed_script;
using testing::ScriptedBackend;
using Ids = std::vector<TokenId>;

constexpr TokenId kEos = 1;

/// log softmax in double, the obvious way.
std::vector<double> log_probs(const std::vector<float>& logits) {
  double total = 0;
  for (const float logit : logits) total += std::exp(static_cast<double>(logit));
  std::vector<double> result;
  for (const float logit : logits) result.push_back(logit - std::log(total));
  return result;
}

/// Every sequence that ends or reaches `max_length`, with its score.
void enumerate(const testing::Script& script, const Ids& source, const Ids& prefix, double sum,
               const GenerationConfig& config, std::vector<Hypothesis>& all) {
  const auto scored = [&](Ids ids, std::size_t counted) {
    all.push_back({std::move(ids), sum / std::pow(static_cast<double>(counted), config.length_penalty)});
  };
  if (static_cast<int>(prefix.size()) == config.max_length) return scored(prefix, prefix.size());
  const std::vector<double> step = log_probs(script(source, prefix));
  for (std::size_t token = 0; token < step.size(); ++token) {
    Ids longer = prefix;
    longer.push_back(static_cast<TokenId>(token));
    sum += step[token];
    if (static_cast<TokenId>(token) == kEos) {
      scored(longer, prefix.size());
    } else {
      enumerate(script, source, longer, sum, config, all);
    }
    sum -= step[token];
  }
}

class ExhaustiveBeams : public ::testing::TestWithParam<double> {};

TEST_P(ExhaustiveBeams, FindTheBestSequencesOfAll) {
  // Four tokens, four steps: at most 27 unfinished prefixes, so 200 beams lose nothing.
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const auto script = hashed_script(4, seed);
    const ScriptedBackend backend(4, script);
    GenerationConfig config;
    config.num_beams = 200;
    config.num_return_sequences = 10;
    config.max_length = 5;
    config.length_penalty = GetParam();
    config.early_stopping = EarlyStopping::kNever;
    const Ids source = {3, 2};
    std::vector<Hypothesis> all;
    enumerate(script, source, {config.decoder_start_token_id}, 0, config, all);
    std::sort(all.begin(), all.end(),
              [](const Hypothesis& a, const Hypothesis& b) { return a.score > b.score; });
    const auto found = generate(backend, std::vector<Ids>{source}, config);
    ASSERT_TRUE(found) << found.error().to_line();
    ASSERT_EQ(found->at(0).size(), 10U);
    for (std::size_t i = 0; i < 10; ++i) {
      EXPECT_EQ(found->at(0)[i].ids, all[i].ids) << "seed " << seed << ", rank " << i;
      EXPECT_NEAR(found->at(0)[i].score, all[i].score, 1e-5);
    }
  }
}
INSTANTIATE_TEST_SUITE_P(LengthPenalties, ExhaustiveBeams, ::testing::Values(0.0, 0.6, 1.0, 2.0));

TEST(Greedy, TakesTheLikeliestTokenEachStep) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const auto script = hashed_script(50, seed);
    const ScriptedBackend backend(50, script);
    GenerationConfig config;
    config.max_length = 30;
    const Ids source = {7};
    Ids expected = {0};
    double score = 0;
    while (expected.size() < 30 && (expected.size() == 1 || expected.back() != kEos)) {
      const std::vector<float> logits = script(source, expected);
      const auto best = std::max_element(logits.begin(), logits.end()) - logits.begin();
      score += log_probs(logits)[static_cast<std::size_t>(best)];
      expected.push_back(static_cast<TokenId>(best));
    }
    const auto found = generate(backend, std::vector<Ids>{source}, config);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->at(0).at(0).ids, expected) << "seed " << seed;
    EXPECT_NEAR(found->at(0).at(0).score, score, 1e-4);
  }
}

struct SearchKind {
  const char* name;
  int num_beams;
  bool sample;
  int returned;
};
void PrintTo(const SearchKind& kind, std::ostream* out) { *out << kind.name; }

GenerationConfig settings(const SearchKind& kind) {
  GenerationConfig config;
  config.num_beams = kind.num_beams;
  config.num_return_sequences = kind.returned;
  config.max_length = 25;
  config.min_length = 4;
  config.no_repeat_ngram_size = 2;
  config.do_sample = kind.sample;
  config.seed = 5;
  return config;
}

class BatchMates : public ::testing::TestWithParam<SearchKind> {};

TEST_P(BatchMates, ChangeNothing) {
  const ScriptedBackend backend(30, hashed_script(30, 99));
  const GenerationConfig config = settings(GetParam());
  std::vector<Ids> sources;
  for (TokenId i = 0; i < 23; ++i) sources.push_back(Ids(static_cast<std::size_t>(1 + i % 5), i));
  const auto together = generate(backend, sources, config);
  ASSERT_TRUE(together) << together.error().to_line();
  ASSERT_EQ(together->size(), sources.size());
  EXPECT_EQ(backend.sources_left, 0) << "finished sources leave the session";
  for (std::size_t i = 0; i < sources.size(); ++i) {
    const auto alone = generate(backend, std::vector<Ids>{sources[i]}, config);
    ASSERT_EQ(alone->at(0).size(), together->at(i).size());
    for (std::size_t j = 0; j < alone->at(0).size(); ++j) {
      EXPECT_EQ(alone->at(0)[j].ids, together->at(i)[j].ids) << "source " << i;
      EXPECT_EQ(alone->at(0)[j].score, together->at(i)[j].score);
    }
  }
}
INSTANTIATE_TEST_SUITE_P(Searches, BatchMates,
                         ::testing::Values(SearchKind{"greedy", 1, false, 1},
                                           SearchKind{"beams", 4, false, 4},
                                           SearchKind{"beams_of_one_source_fill_a_step", 100, false, 100},
                                           SearchKind{"sampling", 1, true, 3},
                                           SearchKind{"beam_sampling", 3, true, 1},
                                           SearchKind{"beam_sampling_of_several", 3, true, 4}),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(Generate, ForcedTokensStandFirstAndLast) {
  const ScriptedBackend backend(30, hashed_script(30, 3));
  for (const int beams : {1, 4}) {
    GenerationConfig config;
    config.num_beams = beams;
    config.num_return_sequences = beams;
    config.max_length = 8;
    config.min_length = 8;
    config.forced_bos_token_id = 17;
    config.forced_eos_token_ids = {kEos};
    const auto found = generate(backend, std::vector<Ids>{{5}}, config);
    ASSERT_TRUE(found);
    for (const Hypothesis& hypothesis : found->at(0)) {
      EXPECT_EQ(hypothesis.ids.size(), 8U);
      EXPECT_EQ(hypothesis.ids.at(1), 17);
      EXPECT_EQ(hypothesis.ids.back(), kEos);
    }
  }
}

TEST(Generate, StopsEarlyOnceTheBeamsAreFull) {
  // Always likelier to end than to go on: with early stopping the second step is the last.
  const ScriptedBackend backend(10, [](const Ids&, const Ids&) {
    std::vector<float> logits(10, 0.0F);
    logits[kEos] = 5;
    logits[4] = 3;
    return logits;
  });
  GenerationConfig config;
  config.num_beams = 2;
  config.max_length = 50;
  config.early_stopping = EarlyStopping::kTrue;
  const auto found = generate(backend, std::vector<Ids>{{5}}, config);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->at(0).at(0).ids, (Ids{0, kEos}));
  EXPECT_EQ(backend.steps, 2);
}

TEST(Generate, SamplingRepeatsWithASeedAndFollowsTheDistribution) {
  const ScriptedBackend backend(4, [](const Ids&, const Ids&) {
    return std::vector<float>{std::log(0.5F), std::log(0.2F), std::log(0.3F), -1e30F};
  });
  GenerationConfig config;
  config.do_sample = true;
  config.num_return_sequences = 200;
  config.max_new_tokens = 30;
  config.eos_token_ids = {};
  config.seed = 1;
  const auto once = generate(backend, std::vector<Ids>{{5}}, config);
  const auto again = generate(backend, std::vector<Ids>{{5}}, config);
  ASSERT_TRUE(once);
  std::vector<double> share(4);
  for (std::size_t i = 0; i < 200; ++i) {
    EXPECT_EQ(once->at(0)[i].ids, again->at(0)[i].ids);
    for (std::size_t t = 1; t < 31; ++t) share[static_cast<std::size_t>(once->at(0)[i].ids[t])] += 1 / 6000.0;
  }
  // Four standard deviations of 6000 draws.
  EXPECT_NEAR(share[0], 0.5, 4 * std::sqrt(0.25 / 6000));
  EXPECT_NEAR(share[1], 0.2, 4 * std::sqrt(0.16 / 6000));
  EXPECT_EQ(share[3], 0.0);
}

TEST(Generate, SaysWhatIsWrong) {
  const ScriptedBackend backend(30, hashed_script(30, 3));
  const auto line = [&](const GenerationConfig& config, const Ids& source = {3}) {
    const auto result = generate(backend, std::vector<Ids>{source}, config);
    return result ? std::string() : result.error().public_message;
  };
  GenerationConfig config;
  EXPECT_EQ(line(config, {}), "Source 0 has no tokens.");
  config.forced_bos_token_id = 30;
  EXPECT_EQ(line(config), "'forced_bos_token_id' is 30, but this model knows the tokens 0 to 29.");
  config.forced_bos_token_id.reset();
  config.max_length = 1;
  EXPECT_EQ(
      line(config),
      "max_length 1 leaves no room to generate: it counts the 1 start or prompt token(s); raise it, or give "
      "max_new_tokens, which does not.");
  config.max_length = 5000;
  EXPECT_EQ(
      line(config),
      "A length of 5000 tokens (1 of them start or prompt) passes the 1000 positions of this model: lower "
      "max_length or max_new_tokens.");
  config.max_length = 10;
  config.min_length = 11;
  EXPECT_NE(line(config).find("The shortest length (11) passes the longest (10)"), std::string::npos);
}

TEST(Generate, RefusesTheOutputOfADamagedModel) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const ScriptedBackend backend(30, [&](const Ids&, const Ids&) { return std::vector<float>(30, nan); });
  for (const int beams : {1, 4}) {
    GenerationConfig config;
    config.num_beams = beams;
    const auto result = generate(backend, std::vector<Ids>{{3}}, config);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::kCorrupt);
  }
}

TEST(Generate, StopsWhenAskedTo) {
  std::stop_source stop;
  int calls = 0;
  const ScriptedBackend backend(5, [&](const Ids&, const Ids&) {
    if (++calls == 3) stop.request_stop();
    return std::vector<float>{3, 0, 0, 0, 0};
  });
  GenerationConfig config;
  config.max_length = 100;
  const auto result = generate(backend, std::vector<Ids>{{3}}, config, stop.get_token());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kCancelled);
  EXPECT_EQ(calls, 3) << "looked at every step";
}

}  // namespace
}  // namespace epicrisis
