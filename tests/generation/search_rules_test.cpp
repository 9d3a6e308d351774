// Where greedy and beam search of the reference treat the same setting differently, and what ends a sequence.
#include <gtest/gtest.h>

#include <cmath>
#include <initializer_list>
#include <utility>

#include "generation/generate.hpp"
#include "generation/scripted_backend.hpp"

namespace epicrisis {
namespace {

using testing::ScriptedBackend;
using Ids = std::vector<TokenId>;

constexpr int kVocabulary = 30;
constexpr TokenId kEos = 1;

/// The same logits after every prefix: 0 but for those given.
ScriptedBackend always(std::initializer_list<std::pair<TokenId, float>> liked) {
  std::vector<float> logits(kVocabulary, 0.0F);
  for (const auto& [token, logit] : liked) logits[static_cast<std::size_t>(token)] = logit;
  return ScriptedBackend(kVocabulary, [logits](const Ids&, const Ids&) { return logits; });
}

std::vector<Hypothesis> run(const ScriptedBackend& backend, const GenerationConfig& config) {
  const auto found = generate(backend, std::vector<Ids>{{3}}, config);
  EXPECT_TRUE(found) << found.error().to_line();
  return found ? found->at(0) : std::vector<Hypothesis>{{}};
}

TEST(SearchRules, AnyOfSeveralEndsASequence) {
  const ScriptedBackend backend = always({{7, 9}, {4, 5}});
  GenerationConfig config;
  config.eos_token_ids = {kEos, 7};
  EXPECT_EQ(run(backend, config)[0].ids, (Ids{0, 7}));
  config.num_beams = 2;
  config.early_stopping = EarlyStopping::kTrue;
  EXPECT_EQ(run(backend, config)[0].ids, (Ids{0, kEos})) << "beam search closes with the first of them";
}

TEST(SearchRules, AnEndBehindTheFirstNumBeamsCandidatesDoesNotCount) {
  const ScriptedBackend backend = always({{4, 10}, {5, 9}, {kEos, 8}});
  GenerationConfig config;
  config.num_beams = 2;
  config.num_return_sequences = 2;
  config.max_length = 2;
  EXPECT_EQ(run(backend, config)[0].ids, (Ids{0, 4}));
  EXPECT_EQ(run(backend, config)[1].ids, (Ids{0, 5}));
}

TEST(SearchRules, PenaltiesActOnLogitsInGreedySearchAndOnLogProbabilitiesAmongBeams) {
  const ScriptedBackend backend = always({{5, 20}, {4, 19}});
  GenerationConfig config;
  config.repetition_penalty = 3;
  config.max_length = 3;
  EXPECT_EQ(run(backend, config)[0].ids, (Ids{0, 5, 4})) << "20 / 3 is below 19";
  config.num_beams = 2;
  EXPECT_EQ(run(backend, config)[0].ids, (Ids{0, 5, 5})) << "3 * -0.31 is above -1.31";
}

TEST(SearchRules, ScoresAmongBeamsAreRenormalisedOnlyWhenAsked) {
  const ScriptedBackend backend = always({{5, 20}, {4, 19}});
  GenerationConfig config;
  config.num_beams = 2;
  config.suppress_tokens = {5};
  config.max_length = 2;
  config.length_penalty = 0;
  EXPECT_NEAR(run(backend, config)[0].score, 19 - std::log(std::exp(20.0) + std::exp(19.0) + 28), 1e-5);
  config.renormalize_logits = true;
  EXPECT_NEAR(run(backend, config)[0].score, 0, 1e-5);
}

TEST(SearchRules, NewTokensOverrideMaxLength) {
  const ScriptedBackend backend = always({{4, 9}});
  GenerationConfig config;
  config.max_length = 3;
  EXPECT_EQ(run(backend, config)[0].ids.size(), 3U);
  config.max_new_tokens = 7;
  EXPECT_EQ(run(backend, config)[0].ids.size(), 8U);
}

}  // namespace
}  // namespace epicrisis
