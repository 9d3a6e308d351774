#include "evaluate/rouge.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace epicrisis::evaluate {
namespace {

using ::testing::ElementsAre;

/// Precision and recall as fractions, so that each can be counted by hand: hits, words predicted, words
/// expected.
struct Hits {
  int hits;
  int predicted;
  int expected;
};

// Expected values: what rouge_score with NLTK 3.8 gives, as fractions that can be checked by hand.
struct RougeCase {
  const char* name;
  const char* prediction;
  const char* reference;
  std::array<Hits, 4> plain;  ///< rouge1, rouge2, rougeL, rougeLsum
  std::array<Hits, 4> stemmed;
};

constexpr std::array<Hits, 4> kNone = {{{0, 1, 1}, {0, 1, 1}, {0, 1, 1}, {0, 1, 1}}};

class Rouge : public ::testing::TestWithParam<RougeCase> {};

void expect_score(const RougeScore& score, const Hits& hits, const char* which) {
  const double p = static_cast<double>(hits.hits) / hits.predicted;
  const double r = static_cast<double>(hits.hits) / hits.expected;
  EXPECT_DOUBLE_EQ(score.precision, p) << which;
  EXPECT_DOUBLE_EQ(score.recall, r) << which;
  EXPECT_DOUBLE_EQ(score.f1, hits.hits == 0 ? 0 : 2 * p * r / (p + r)) << which;
}

void expect_scores(const RougeScores& scores, const std::array<Hits, 4>& expected) {
  expect_score(scores.rouge1, expected[0], "rouge1");
  expect_score(scores.rouge2, expected[1], "rouge2");
  expect_score(scores.rouge_l, expected[2], "rougeL");
  expect_score(scores.rouge_lsum, expected[3], "rougeLsum");
}

TEST_P(Rouge, CountsAsTheReferencePackageDoes) {
  const RougeCase& c = GetParam();
  expect_scores(RougeScorer().score(c.prediction, c.reference), c.plain);
  expect_scores(RougeScorer({.use_stemmer = true}).score(c.prediction, c.reference), c.stemmed);
}

constexpr std::array<Hits, 4> all_of(int words) {
  return {{{words, words, words},
           {words - 1, words - 1, words - 1},
           {words, words, words},
           {words, words, words}}};
}
constexpr std::array<Hits, 4> kOrder = {{{4, 4, 4}, {1, 3, 3}, {3, 4, 4}, {3, 4, 4}}};
constexpr std::array<Hits, 4> kRepeats = {{{2, 4, 8}, {0, 3, 7}, {2, 4, 8}, {2, 4, 8}}};
constexpr std::array<Hits, 4> kDigits = {{{5, 5, 6}, {4, 4, 5}, {5, 5, 6}, {5, 5, 6}}};
constexpr std::array<Hits, 4> kLines = {{{8, 8, 11}, {4, 7, 10}, {6, 8, 11}, {8, 8, 11}}};
constexpr std::array<Hits, 4> kClipped = {{{5, 6, 10}, {2, 5, 9}, {5, 6, 10}, {5, 6, 10}}};
constexpr std::array<Hits, 4> kTies = {{{8, 8, 9}, {3, 7, 8}, {5, 8, 9}, {8, 8, 9}}};

INSTANTIATE_TEST_SUITE_P(
    Cases, Rouge,
    ::testing::Values(
        RougeCase{"identical", "No acute distress.", "No acute distress.", all_of(3), all_of(3)},
        RougeCase{"nothing_shared", "Fall at home", "Chest pain", kNone, kNone},
        RougeCase{"empty_prediction", "", "Chest pain", kNone, kNone},
        RougeCase{"no_words", "...\n--", "Chest pain", kNone, kNone},
        RougeCase{"both_empty", "", "", kNone, kNone},
        RougeCase{"order", "pain chest anterior STEMI", "Chest pain, anterior STEMI", kOrder, kOrder},
        RougeCase{"repeats_are_clipped", "pain pain pain pain", "pain on the left, pain on the right",
                  kRepeats, kRepeats},
        RougeCase{"case_and_digits", "BP 90/60; GTN x3", "bp 90 60, gtn X3 given", kDigits, kDigits},
        RougeCase{"other_letters", "na\u00EFve \u00B5g K\u212Aids \u0130leus", "na ve g kkids i leus",
                  all_of(6), all_of(6)},
        RougeCase{"lines_unite", "Patient is stable.\nDischarged home today.\nNo pain.",
                  "Discharged home.\nThe patient is stable today.\nHe has no pain.", kLines, kLines},
        RougeCase{"lines_are_clipped", "the pain\nthe pain\nthe pain",
                  "the pain was severe\nthe pain then eased\n\nthe end", kClipped, kClipped},
        RougeCase{"ties", "b a c b a\nc a b", "a b c a b\nb c a c", kTies, kTies},
        RougeCase{"stems", "Dying patients enjoyed studies; running additionally",
                  "die patient enjoy study run addition", kNone, all_of(6)},
        RougeCase{"short_words",
                  "ties dyed his IVs",
                  "tie dye hi iv",
                  kNone,
                  {{{1, 4, 4}, {0, 3, 3}, {1, 4, 4}, {1, 4, 4}}}}),
    [](const auto& tested) { return std::string(tested.param.name); });

TEST(RougeWords, AreLowerCaseRunsOfLettersAndDigits) {
  EXPECT_THAT(rouge_words("Pt c/o CP \u2014 5mg NTG\u00D72."),
              ElementsAre("pt", "c", "o", "cp", "5mg", "ntg", "2"));
  EXPECT_THAT(rouge_words("\u00B5\u00E9"), ElementsAre());
}

TEST(RougeScorer, PreparedTextsGiveTheSameScores) {
  RougeScorer scorer;
  const RougeText reference = scorer.prepare("Discharged home.\nThe patient is stable.");
  const RougeText prediction = scorer.prepare("The patient went home.");
  const RougeScores prepared = RougeScorer::score(prediction, reference);
  const RougeScores direct =
      RougeScorer().score("The patient went home.", "Discharged home.\nThe patient is stable.");
  EXPECT_EQ(prepared.rouge1.f1, direct.rouge1.f1);
  EXPECT_EQ(prepared.rouge2.f1, direct.rouge2.f1);
  EXPECT_EQ(prepared.rouge_l.f1, direct.rouge_l.f1);
  EXPECT_EQ(prepared.rouge_lsum.f1, direct.rouge_lsum.f1);
}

TEST(RougeScorer, MeanAveragesEachNumber) {
  std::vector<RougeScores> scores(2);
  scores[0].rouge1 = {1, 0.5, 0.25};
  scores[1].rouge1 = {0, 1, 0.75};
  EXPECT_DOUBLE_EQ(mean(scores).rouge1.precision, 0.5);
  EXPECT_DOUBLE_EQ(mean(scores).rouge1.recall, 0.75);
  EXPECT_DOUBLE_EQ(mean(scores).rouge1.f1, 0.5);
  EXPECT_EQ(mean({}).rouge_l.f1, 0);
}

}  // namespace
}  // namespace epicrisis::evaluate
