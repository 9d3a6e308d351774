#include "evaluate/baselines.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "evaluate/constant_baseline.hpp"
#include "evaluate/nearest_note.hpp"

namespace epicrisis::evaluate {
namespace {

using ::testing::ElementsAre;
using Texts = std::vector<std::string>;

TEST(NoteBaselines, CopyAndLeadSentences) {
  const auto systems = note_baselines(Texts{"One. Two.\nThree.", "Only"});
  ASSERT_EQ(systems.size(), 3U);
  EXPECT_EQ(systems[0].system, "copy of the note");
  EXPECT_THAT(systems[0].predictions, ElementsAre("One. Two.\nThree.", "Only"));
  EXPECT_THAT(systems[1].predictions, ElementsAre("One.", "Only"));
  EXPECT_THAT(systems[2].predictions, ElementsAre("One. Two.", "Only"));
}

TEST(NearestNote, RareWordsDecide) {
  const NearestNote index(Texts{"the patient has chest pain and the pain is severe",
                                "the patient has a fracture", "the patient has a rash and the rash is new"});
  EXPECT_EQ(index.find("fracture of the hip"), 1U);
  EXPECT_EQ(index.find("Rash!"), 2U);
  EXPECT_EQ(index.find("severe chest pain"), 0U);
}

TEST(NearestNote, LengthDoesNotDecideAndTiesGoToTheFirst) {
  const NearestNote index(Texts{"fever cough fever cough", "fever", "fever fever"});
  EXPECT_EQ(index.find("fever"), 1U) << "the same direction twice: the first of them";
  EXPECT_EQ(index.find("fever cough"), 0U);
  EXPECT_EQ(index.find("unseen words"), 0U);
}

TEST(NearestNote, FollowsTheFormula) {
  // Two notes, "a" in both: idf(a) = 1 + ln(3/3) = 1, idf(b) = idf(c) = 1 + ln(3/2) = 1.4055. Vectors:
  // (1, 1.4055, 0) / 1.7249 and (3, 0, 1.4055) / 3.3129. The query "a a a b" has weights (3, 1.4055,
  // 0): 2.884 against 2.717.
  EXPECT_EQ(NearestNote(Texts{"a b", "a a a c"}).find("a a a b"), 0U);
  // "a a a a b" has (4, 1.4055, 0): 3.464 against 3.622.
  EXPECT_EQ(NearestNote(Texts{"a b", "a a a c"}).find("a a a a b"), 1U);
}

TEST(BestConstant, IsTheSummaryNearestToAllOthers) {
  RougeScorer scorer;
  const Texts summaries = {"left hip fracture", "no acute disease", "no acute cardiopulmonary disease",
                           "no acute cardiopulmonary process", "mild effusion"};
  EXPECT_EQ(best_constant_summary(scorer, summaries), 2U);
}

TEST(BestConstant, IsFoundThroughAShortlistToo) {
  RougeScorer scorer;
  Texts summaries;
  for (int i = 0; i < 400; ++i) {
    summaries.push_back(i % 4 == 0 ? "finding number " + std::to_string(i)
                                   : "Nothing abnormal seen " + std::to_string(i));
  }
  summaries[77] = "nothing abnormal seen";
  const std::size_t best = best_constant_summary(
      scorer, summaries, {.screening_summaries = 50, .shortlist = 5, .final_summaries = 100, .seed = 1});
  EXPECT_EQ(best, 77U);
}

TEST(TrainingBaselines, UseTrainingSummariesOnly) {
  const Texts notes = {"hip pain after a fall", "cough and fever"};
  const Texts training_notes = {"fever, cough, chills", "fall on the hip", "hip replaced"};
  const Texts training_summaries = {"chest infection", "hip injury", "hip replacement"};
  std::size_t reported = 0;
  const auto systems = training_baselines(notes, training_notes, training_summaries, {},
                                          [&](std::size_t done) { reported = done; });
  ASSERT_EQ(systems.size(), 2U);
  EXPECT_EQ(systems[0].system, "best constant");
  EXPECT_THAT(systems[0].predictions, ElementsAre("hip injury", "hip injury"));
  EXPECT_EQ(systems[1].system, "nearest note");
  EXPECT_THAT(systems[1].predictions, ElementsAre("hip injury", "chest infection"));
  EXPECT_EQ(reported, 2U);
}

}  // namespace
}  // namespace epicrisis::evaluate
