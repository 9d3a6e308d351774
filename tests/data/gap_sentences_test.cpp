#include "data/gap_sentences.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace epicrisis::data {
namespace {

using Document = std::vector<std::vector<TokenId>>;

std::vector<Sentence> views(const Document& document) { return {document.begin(), document.end()}; }

// Sentence 1 shares three of its four tokens with the rest; sentences 0 and 2 share less; sentence 3 nothing.
const Document kDocument = {{10, 11, 20, 21}, {10, 11, 12, 30}, {12, 40, 41, 42}, {50, 51, 52, 53}};

GapSentenceOptions quiet_options() {
  GapSentenceOptions options;
  options.ratio_min = options.ratio_max = 0.25;
  options.score_noise = 0;
  options.keep_ratio = 0;
  return options;
}

TEST(GapSentences, ScoresAreRouge1AgainstTheRest) {
  const std::vector<double> scores = independent_scores(views(kDocument));
  EXPECT_DOUBLE_EQ(scores[0], 2 * 2.0 / (4 + 12));
  EXPECT_DOUBLE_EQ(scores[1], 2 * 3.0 / (4 + 12));
  EXPECT_DOUBLE_EQ(scores[2], 2 * 1.0 / (4 + 12));
  EXPECT_DOUBLE_EQ(scores[3], 0);
}

TEST(GapSentences, RepeatedTokensCountAsOftenAsBothSidesHaveThem) {
  const Document document = {{7, 7, 7}, {7, 8}};
  EXPECT_DOUBLE_EQ(independent_scores(views(document))[0], 2 * 1.0 / 5);
}

TEST(GapSentences, MasksTheBestSentenceAndMakesItTheTarget) {
  const TrainingPair pair = make_gap_sentence_pair(views(kDocument), quiet_options(), RandomStream(1));
  EXPECT_EQ(pair.source, (std::vector<TokenId>{10, 11, 20, 21, 2, 12, 40, 41, 42, 50, 51, 52, 53, 1}));
  EXPECT_EQ(pair.target, (std::vector<TokenId>{10, 11, 12, 30, 1}));
}

TEST(GapSentences, TargetsKeepTheOrderOfTheDocument) {
  GapSentenceOptions options = quiet_options();
  options.ratio_min = options.ratio_max = 0.5;
  const TrainingPair pair = make_gap_sentence_pair(views(kDocument), options, RandomStream(1));
  EXPECT_EQ(pair.target, (std::vector<TokenId>{10, 11, 20, 21, 10, 11, 12, 30, 1}));
}

TEST(GapSentences, KeptSentencesStayVisible) {
  GapSentenceOptions options = quiet_options();
  options.keep_ratio = 1;
  const TrainingPair pair = make_gap_sentence_pair(views(kDocument), options, RandomStream(1));
  EXPECT_EQ(std::count(pair.source.begin(), pair.source.end(), options.mask), 0);
  EXPECT_EQ(pair.target, (std::vector<TokenId>{10, 11, 12, 30, 1}));
}

TEST(GapSentences, SequentialSelectionGrowsTheSet) {
  // After sentence 0, its copy adds nothing that the rest still has; sentence 2 does.
  const Document document = {{10, 11, 12}, {10, 11, 12}, {20, 21, 9}, {20, 21, 8}, {60, 61, 62}};
  const std::vector<double> noise = {1.1, 1, 1, 1, 1};
  EXPECT_EQ(sequential_order(views(document), 2, noise), (std::vector<std::size_t>{0, 2}));
}

TEST(GapSentences, LongTargetsAreCutAndClosed) {
  GapSentenceOptions options = quiet_options();
  options.max_target_tokens = 3;
  const TrainingPair pair = make_gap_sentence_pair(views(kDocument), options, RandomStream(1));
  EXPECT_EQ(pair.target, (std::vector<TokenId>{10, 11, 1}));
}

TEST(GapSentences, EveryRatioLeavesSomethingToReadAndSomethingToWrite) {
  GapSentenceOptions options;
  options.ratio_min = 0.01;
  options.ratio_max = 0.99;
  options.keep_ratio = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const TrainingPair pair = make_gap_sentence_pair(views(kDocument), options, RandomStream(seed));
    const auto masks = std::count(pair.source.begin(), pair.source.end(), options.mask);
    EXPECT_GE(masks, 1) << "seed " << seed;
    EXPECT_LE(masks, 3) << "seed " << seed;
    EXPECT_EQ(pair.target.size(), static_cast<std::size_t>(masks) * 4 + 1) << "seed " << seed;
  }
}

TEST(GapSentences, TheSameSeedChoosesTheSame) {
  const GapSentenceOptions options;
  const TrainingPair a = make_gap_sentence_pair(views(kDocument), options, RandomStream(7, 3, 11));
  const TrainingPair b = make_gap_sentence_pair(views(kDocument), options, RandomStream(7, 3, 11));
  EXPECT_EQ(a.source, b.source);
  EXPECT_EQ(a.target, b.target);
}

}  // namespace
}  // namespace epicrisis::data
