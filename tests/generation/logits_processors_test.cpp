#include "generation/logits_processors/logits_processor.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <ostream>
#include <string>

namespace epicrisis {
namespace {

using Ids = std::vector<TokenId>;
using Scores = std::vector<float>;

constexpr float kNo = -std::numeric_limits<float>::infinity();

struct Case {
  const char* name;
  void (*configure)(GenerationConfig&);
  Ids ids;
  Scores scores;
  Scores expected;
  Ids source = {};
  LengthLimits limits = {1, 0, 10};
};

void PrintTo(const Case& test, std::ostream* out) { *out << test.name; }

class Processors : public ::testing::TestWithParam<Case> {};

TEST_P(Processors, EditTheScores) {
  const Case& test = GetParam();
  GenerationConfig config;
  test.configure(config);
  Scores scores = test.scores;
  for (const auto& processor : make_logits_processors(config, test.source, test.limits)) {
    processor->apply(test.ids, scores);
  }
  ASSERT_EQ(scores.size(), test.expected.size());
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (std::isinf(test.expected[i])) {
      EXPECT_EQ(scores[i], test.expected[i]) << "token " << i;
    } else {
      EXPECT_NEAR(scores[i], test.expected[i], 1e-6) << "token " << i;
    }
  }
}

const Scores kZeros = {0, 0, 0, 0, 0};

INSTANTIATE_TEST_SUITE_P(
    Cases, Processors,
    ::testing::Values(
        Case{"nothing_by_default", [](GenerationConfig&) {}, {0}, {1, 2}, {1, 2}},
        Case{"repetition_penalises_each_token_once",
             [](GenerationConfig& c) { c.repetition_penalty = 2; },
             {0, 2, 2},
             {4, 1, -3, 1},
             {2, 1, -6, 1}},
        Case{"repetition_counts_the_prompt", [](GenerationConfig& c) { c.repetition_penalty = 2; },
             {3, 1}, {4, 1, -3, 1}, {4, 0.5, -3, 0.5}, {3}, {1, 0, 10}},
        Case{"tokens_of_the_source_made_likelier",
             [](GenerationConfig& c) { c.encoder_repetition_penalty = 2; }, {0}, {4, 1, -3, 1},
             {4, 2, -1.5, 1}, {1, 2, 2, 77}},
        Case{"both_repetition_penalties",
             [](GenerationConfig& c) {
               c.encoder_repetition_penalty = 2;
               c.repetition_penalty = 4;
             },
             {1}, {4, 1, -3, 1}, {4, 0.5, -1.5, 1}, {1, 2}},
        Case{"bigrams", [](GenerationConfig& c) { c.no_repeat_ngram_size = 2; }, {0, 3, 4, 3}, kZeros,
             {0, 0, 0, 0, kNo}},
        Case{"unigrams", [](GenerationConfig& c) { c.no_repeat_ngram_size = 1; }, {0, 3}, kZeros,
             {kNo, 0, 0, kNo, 0}},
        Case{"ngrams_longer_than_the_sequence", [](GenerationConfig& c) { c.no_repeat_ngram_size = 4; }, {0},
             kZeros, kZeros},
        Case{"ngrams_of_the_source", [](GenerationConfig& c) { c.encoder_no_repeat_ngram_size = 3; },
             {0, 2, 3}, kZeros, {0, kNo, 0, 0, kNo}, {2, 3, 4, 2, 3, 1}},
        Case{"bad_words",
             [](GenerationConfig& c) {
               c.bad_words_ids = {{3}, {2, 4}, {0, 2, 0}, {4, 2}, {1}, {9999}};
             },
             {0, 2},
             kZeros,
             {kNo, 0, 0, kNo, kNo}},
        Case{"min_length_bans_the_end", [](GenerationConfig&) {}, {0, 2}, kZeros, {0, kNo, 0, 0, 0}, {}, {1, 3, 10}},
        Case{"min_length_reached", [](GenerationConfig&) {}, {0, 2, 2}, kZeros, kZeros, {}, {1, 3, 10}},
        Case{"min_length_bans_every_end", [](GenerationConfig& c) { c.eos_token_ids = {1, 4}; }, {0},
             kZeros, {0, kNo, 0, 0, kNo}, {}, {1, 3, 10}},
        Case{"forced_first", [](GenerationConfig& c) { c.forced_bos_token_id = 3; }, {0}, {5, 1, 1, 1, 1},
             {kNo, kNo, kNo, 0, kNo}},
        Case{"forced_first_only_first", [](GenerationConfig& c) { c.forced_bos_token_id = 3; }, {0, 3}, kZeros,
             kZeros},
        Case{"forced_last_beats_min_length", [](GenerationConfig& c) { c.forced_eos_token_ids = {1}; },
             {0, 2, 2}, kZeros, {kNo, 0, kNo, kNo, kNo}, {}, {1, 4, 4}},
        Case{"forced_last_is_one_of_several", [](GenerationConfig& c) { c.forced_eos_token_ids = {1, 3}; },
             {0, 2, 2}, {5, -1, 2, 2, 2}, {kNo, 0, kNo, 0, kNo}, {}, {1, 0, 4}},
        Case{"forced_first_has_no_place_behind_a_prompt",
             [](GenerationConfig& c) { c.forced_bos_token_id = 3; }, {0, 2}, kZeros, kZeros, {}, {2, 0, 9}},
        Case{"suppressed_first_behind_a_prompt", [](GenerationConfig& c) { c.begin_suppress_tokens = {2}; },
             {0, 3, 3}, kZeros, {0, 0, kNo, 0, 0}, {}, {3, 0, 10}},
        Case{"suppressed_first_behind_a_prompt_whatever_is_forced",
             [](GenerationConfig& c) {
               c.begin_suppress_tokens = {2};
               c.forced_bos_token_id = 3;
             },
             {0, 3, 3}, kZeros, {0, 0, kNo, 0, 0}, {}, {3, 0, 10}},
        Case{"suppressed_always", [](GenerationConfig& c) { c.suppress_tokens = {2, 77}; }, {0, 3}, kZeros,
             {0, 0, kNo, 0, 0}},
        Case{"suppressed_at_first", [](GenerationConfig& c) { c.begin_suppress_tokens = {2}; }, {0}, kZeros,
             {0, 0, kNo, 0, 0}},
        Case{"suppressed_only_at_first", [](GenerationConfig& c) { c.begin_suppress_tokens = {2}; }, {0, 3},
             kZeros, kZeros},
        Case{"suppressed_behind_a_forced_first_token",
             [](GenerationConfig& c) {
               c.begin_suppress_tokens = {2};
               c.forced_bos_token_id = 3;
             },
             {0, 3},
             kZeros,
             {0, 0, kNo, 0, 0}},
        Case{"renormalised_after_the_others",
             [](GenerationConfig& c) {
               c.suppress_tokens = {0};
               c.renormalize_logits = true;
             },
             {0, 3},
             {9, 0, 0},
             {kNo, std::log(0.5F), std::log(0.5F)}}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace epicrisis
