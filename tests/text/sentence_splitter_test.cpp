#include "text/sentences/sentence_splitter.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace epicrisis {
namespace {

struct SplitCase {
  const char* name;
  const char* text;
  std::vector<std::string_view> sentences;
};
void PrintTo(const SplitCase& one, std::ostream* out) { *out << one.name; }

class SplitSentences : public ::testing::TestWithParam<SplitCase> {};

TEST_P(SplitSentences, GivesTheSentences) {
  EXPECT_EQ(split_sentences(GetParam().text), GetParam().sentences);
}

INSTANTIATE_TEST_SUITE_P(
    Notes, SplitSentences,
    ::testing::Values(
        SplitCase{"two", "Chest pain since 0600. Given NTG x3.", {"Chest pain since 0600.", "Given NTG x3."}},
        SplitCase{"marks", "Pain? None! Slept well.", {"Pain?", "None!", "Slept well."}},
        SplitCase{"no_final_dot", "Seen at 8. Stable", {"Seen at 8.", "Stable"}},
        SplitCase{"line_breaks", "BP 90/60\nHR 120\r\n\r\n Alert", {"BP 90/60", "HR 120", "Alert"}},
        SplitCase{"title",
                  "Seen by Dr. Lee today. Mrs. Ortiz agrees.",
                  {"Seen by Dr. Lee today.", "Mrs. Ortiz agrees."}},
        SplitCase{"initials",
                  "Dr. J. R. Smith called. J.R. Smith too.",
                  {"Dr. J. R. Smith called.", "J.R. Smith too."}},
        SplitCase{
            "letter_ends", "She has hepatitis C. He does not.", {"She has hepatitis C.", "He does not."}},
        SplitCase{"dosing",
                  "Lasix 40 mg p.o. q.d. started. Digoxin q.o.d. held.",
                  {"Lasix 40 mg p.o. q.d. started.", "Digoxin q.o.d. held."}},
        SplitCase{"dosing_then_capital",
                  "Metoprolol 25 mg b.i.d. Follow up in a week.",
                  {"Metoprolol 25 mg b.i.d.", "Follow up in a week."}},
        SplitCase{"clock",
                  "Fell at 3 a.m. while walking. Found at 4 p.m. Alert.",
                  {"Fell at 3 a.m. while walking.", "Found at 4 p.m.", "Alert."}},
        SplitCase{
            "decimals", "Temp 38.9 C, K 3.1. Creatinine 1.4.", {"Temp 38.9 C, K 3.1.", "Creatinine 1.4."}},
        SplitCase{
            "number_ends", "Her age is 50. Aspirin was given.", {"Her age is 50.", "Aspirin was given."}},
        SplitCase{"list", "1. Aspirin 81 mg. 2. Plavix 75 mg.", {"1. Aspirin 81 mg.", "2. Plavix 75 mg."}},
        SplitCase{"list_after_colon", "Plan: 1. Aspirin. 2. Rest.", {"Plan: 1. Aspirin.", "2. Rest."}},
        SplitCase{"letter_list", "A. Fall risk. iv. Skin intact.", {"A. Fall risk.", "iv. Skin intact."}},
        SplitCase{"before_number",
                  "Room no. 12 is clean. Approx. 5 cm wound. She said no. He left.",
                  {"Room no. 12 is clean.", "Approx. 5 cm wound.", "She said no.", "He left."}},
        SplitCase{"lower_case_writer",
                  "pt c/o cp. given ntg 0.4 mg. no relief after 2 hrs. md aware.",
                  {"pt c/o cp.", "given ntg 0.4 mg.", "no relief after 2 hrs.", "md aware."}},
        SplitCase{"short_form",
                  "Hypokinesis of the ant. wall. The pt. is stable.",
                  {"Hypokinesis of the ant. wall.", "The pt. is stable."}},
        SplitCase{"consulted",
                  "Seen by PT at 3 P.M. Discharged home by PT. Stable.",
                  {"Seen by PT at 3 P.M.", "Discharged home by PT.", "Stable."}},
        SplitCase{"versus", "Stroke vs. TIA. CT pending.", {"Stroke vs. TIA.", "CT pending."}},
        SplitCase{"quotes",
                  "He said \"it hurts.\" She agreed. (See chart.) Done.",
                  {"He said \"it hurts.\"", "She agreed.", "(See chart.)", "Done."}},
        SplitCase{
            "ellipsis", "Pain... then none. Slept... Woke.", {"Pain... then none.", "Slept...", "Woke."}},
        SplitCase{"unicode_space", "Stable.\u00A0 Home.\u2028Done", {"Stable.", "Home.", "Done"}},
        SplitCase{"dots_in_words",
                  "Write to a.b@c.example.org now. V1.2 ok.",
                  {"Write to a.b@c.example.org now.", "V1.2 ok."}},
        SplitCase{"blank", " \n\t ", {}}, SplitCase{"empty", "", {}}, SplitCase{"only_dot", ".", {"."}}),
    [](const auto& one) { return std::string(one.param.name); });

TEST(SplitSentences, AreSlicesOfTheText) {
  const std::string text = "  One.  Two?\nThree ";
  const auto sentences = split_sentences(text);
  ASSERT_EQ(sentences.size(), 3U);
  EXPECT_EQ(sentences[0].data(), text.data() + 2);
  EXPECT_EQ(sentences[2].data(), text.data() + 13);
}

TEST(SplitSentences, TakesBytesThatAreNoUtf8) {
  EXPECT_THAT(split_sentences("Temp 39\xB0. Well\xE2"), ::testing::ElementsAre("Temp 39\xB0.", "Well\xE2"));
}

TEST(SplitSentencesPlain, FollowsPunctuationAlone) {
  EXPECT_THAT(split_sentences_plain("Dr. Lee came. \"Well.\" Home!\n\n1. Rest"),
              ::testing::ElementsAre("Dr.", "Lee came.", "\"Well.\" Home!", "1.", "Rest"));
  EXPECT_THAT(split_sentences_plain("BP 98.6 v1.2"), ::testing::ElementsAre("BP 98.6 v1.2"));
  EXPECT_TRUE(split_sentences_plain(" \n").empty());
}

}  // namespace
}  // namespace epicrisis
