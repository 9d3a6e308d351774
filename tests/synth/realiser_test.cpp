#include "synth/realiser.hpp"

#include <gtest/gtest.h>

#include <string>

namespace epicrisis::synth {
namespace {

TEST(Marks, SurviveAndGiveCodePoints) {
  std::string text = "T 38 \u00B0C, " + marked(7, "pulse \u2191 120") + ".";
  const std::vector<FactSpan> spans = take_marks(text);
  EXPECT_EQ(text, "T 38 \u00B0C, pulse \u2191 120.");
  ASSERT_EQ(spans.size(), 1U);
  EXPECT_EQ(spans[0].fact, 7U);
  EXPECT_EQ(spans[0].begin, 9U);
  EXPECT_EQ(spans[0].end, 20U);
}

TEST(Tidy, ClosesWhatEmptyPartsLeftOpen) {
  EXPECT_EQ(tidy("Obs , HR 80, , BP 90/60 . .  Plan: x,."), "Obs, HR 80, BP 90/60. Plan: x.");
  EXPECT_EQ(tidy(", a;\n\n\n\nb  c ."), "a\n\nb c.");
  EXPECT_EQ(tidy("give 0.5 mg, T 38.4."), "give 0.5 mg, T 38.4.");
}

TEST(Tidy, KeepsMarksWithTheirWords) {
  std::string text = tidy("a , " + marked(1, "b") + " .");
  const auto spans = take_marks(text);
  EXPECT_EQ(text, "a, b.");
  ASSERT_EQ(spans.size(), 1U);
  EXPECT_EQ(text.substr(spans[0].begin, spans[0].end - spans[0].begin), "b");
}

TEST(Capitalise, StartsOfLinesAndSentences) {
  EXPECT_EQ(capitalise("pain eased. c/o nausea\nobs 38.4 stable"), "Pain eased. c/o nausea\nObs 38.4 stable");
}

TEST(PhraseReplacer, TakesTheLongestPhraseAndKeepsToOneChoice) {
  const PhraseReplacer replacer(
      {{"short of breath", {"SOB"}}, {"short", {"brief"}}, {"patient", {"pt", "Pt"}}, {"OD", {"daily"}}});
  PhraseReplacer::Chosen chosen;
  Random random(3);
  EXPECT_EQ(replacer.replace("short of breath, short spell, 5 mg OD, food od", 100, chosen, random),
            "SOB, brief spell, 5 mg daily, food od");
  const std::string once = replacer.replace("patient", 100, chosen, random);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(replacer.replace("patient", 100, chosen, random), once);
  EXPECT_EQ(replacer.replace("shortness", 100, chosen, random), "shortness") << "whole words only";
  EXPECT_EQ(replacer.replace("patient", 0, chosen, random), "patient");
}

TEST(Mistype, SparesDrugsNumbersAndShortWords) {
  Random random(5);
  TypoCount count;
  const std::string text = "morphine 10 mg IV for pain 8/10 at 0830";
  EXPECT_EQ(mistype(text, 1'000'000, {"morphine"}, random, count), text);
  EXPECT_EQ(count.words, 0U);
}

TEST(Mistype, ChangesAWordByOneSlip) {
  Random random(9);
  for (int i = 0; i < 500; ++i) {
    TypoCount count;
    const std::string typed = mistype("breathing", 1'000'000, {}, random, count);
    EXPECT_EQ(count.typos, 1U);
    EXPECT_NE(typed, "breathing");
    EXPECT_EQ(typed.front(), 'b');
    EXPECT_NEAR(static_cast<double>(typed.size()), 9.0, 1.0);
  }
}

}  // namespace
}  // namespace epicrisis::synth
