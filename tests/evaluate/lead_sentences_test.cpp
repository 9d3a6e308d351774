#include "evaluate/lead_sentences.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace epicrisis::evaluate {
namespace {

using ::testing::ElementsAre;

TEST(PlainSentences, EndAtLineBreaksAndAtBlanksAfterAStop) {
  EXPECT_THAT(plain_sentences("  BP 90.5 today. Pain!  None?\tYes\n\nPLAN: rest\r\n"),
              ElementsAre("BP 90.5 today.", "Pain!", "None?", "Yes", "PLAN: rest"));
  EXPECT_THAT(plain_sentences("Seen by Dr. Lee"), ElementsAre("Seen by Dr.", "Lee")) << "the plainest rule";
  EXPECT_THAT(plain_sentences(" \n "), ElementsAre());
}

TEST(PlainSentences, FirstAndLastAreJoinedByBlanks) {
  const std::string text = "One.\nTwo.  Three.";
  EXPECT_EQ(first_sentences(text, 2), "One. Two.");
  EXPECT_EQ(last_sentences(text, 2), "Two. Three.");
  EXPECT_EQ(first_sentences(text, 9), "One. Two. Three.");
  EXPECT_EQ(first_sentences("", 1), "");
}

}  // namespace
}  // namespace epicrisis::evaluate
