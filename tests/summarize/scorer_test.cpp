#include "summarize/scorer.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "support/fixtures.hpp"

namespace epicrisis {
namespace {

std::filesystem::path fixture() { return testing::kept_fixtures_dir() / "pegasus" / "xsum-like"; }

const Scorer& scorer() {
  static const auto loaded = Scorer::load(fixture(), {.threads = 1});
  return *loaded.value();
}

TEST(Scorer, GivesEachSummaryWhatItGetsAlone) {
  std::vector<ScorerInput> inputs;
  for (const char* summary : {"Chest pain.", "A man with chest pain since this morning.", "Pain."}) {
    auto input = scorer().prepare("Pt c/o chest pain since this morning.", summary);
    ASSERT_TRUE(input) << input.error().to_line();
    inputs.push_back(*std::move(input));
  }
  const auto together = scorer().score(inputs);
  ASSERT_TRUE(together) << together.error().to_line();
  ASSERT_EQ(together->size(), 3U);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const SummaryScore& score = together->at(i);
    EXPECT_EQ(scorer().score({&inputs[i], 1})->at(0).log_prob, score.log_prob);
    EXPECT_EQ(score.tokens, static_cast<int>(inputs[i].pair.target.size()));
    EXPECT_EQ(inputs[i].pair.target.back(), 1) << "the closing token counts";
    EXPECT_LT(score.log_prob, 0);
    EXPECT_DOUBLE_EQ(score.loss * score.tokens, -score.log_prob);
    EXPECT_GT(score.source_tokens, 5);
    EXPECT_EQ(score.dropped_tokens, 0);
  }
  EXPECT_TRUE(scorer().score({})->empty());
}

TEST(Scorer, OfTheModelsOwnSummaryIsTheSearchsScore) {
  const auto summarizer = Summarizer::load(fixture(), {.threads = 1});
  ASSERT_TRUE(summarizer);
  GenerationConfig config = (*summarizer)->defaults();
  config.num_beams = 1;
  const std::string note = "Pt c/o chest pain since this morning.";
  const Summary summary = (*summarizer)->summarize({&note, 1}, config)->at(0);
  ScorerInput input = scorer().prepare(note, "stands for the tokens below").value();
  input.pair.target.assign(summary.token_ids.begin() + 1, summary.token_ids.end());
  // The search forces its last token; the model's own opinion of it is in both.
  EXPECT_NEAR(scorer().score({&input, 1})->at(0).log_prob, summary.score, 1e-6);
}

TEST(Scorer, CutsALongNote) {
  std::string note;
  for (int i = 0; i < 2000; ++i) note += "The patient is stable. ";
  const auto input = scorer().prepare(note, "Stable.");
  ASSERT_TRUE(input);
  EXPECT_EQ(input->pair.source.size(), 256U);
  EXPECT_GT(input->dropped_tokens, 2000);
}

TEST(Scorer, SaysWhatIsWrongWithARowAndNeverQuotesIt) {
  const auto refusal = [](const std::string& note, const std::string& summary) {
    const auto input = scorer().prepare(note, summary);
    return input ? std::string() : input.error().to_line();
  };
  EXPECT_EQ(refusal(" ", "Canary"), "the note holds nothing but white space.");
  EXPECT_EQ(refusal("Canary", ""), "the summary is empty.");
  EXPECT_EQ(refusal("Canary", "Canary \xFF\x01"),
            "the summary is not valid UTF-8 (byte 7); convert it to UTF-8.");
  std::string endless;
  for (int i = 0; i < 300; ++i) endless += "Canary ";
  EXPECT_NE(refusal("Pain.", endless).find("but this model writes at most 256."), std::string::npos);
  EXPECT_EQ(refusal("Pain.", endless).find("Canary"), std::string::npos);
}

}  // namespace
}  // namespace epicrisis
