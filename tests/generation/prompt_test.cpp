// Decoder-only models: the source is the prompt, and every length and every rule counts it.
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "generation/generate.hpp"
#include "generation/scripted_backend.hpp"

namespace epicrisis {
namespace {

using testing::hashed_script;
using testing::ScriptedBackend;
using Ids = std::vector<TokenId>;

constexpr int kVocabulary = 30;
constexpr TokenId kEos = 1;

ScriptedBackend decoder_only(testing::Script script = hashed_script(kVocabulary, 3)) {
  ScriptedBackend backend(kVocabulary, std::move(script));
  backend.encoder_decoder = false;
  return backend;
}

/// Logits that like `favourites`, the first most.
std::vector<float> liking(std::initializer_list<TokenId> favourites) {
  std::vector<float> logits(kVocabulary, 0.0F);
  float liked = 10;
  for (const TokenId token : favourites) logits[static_cast<std::size_t>(token)] = liked--;
  return logits;
}

Ids first_result(const ScriptedBackend& backend, const Ids& prompt, const GenerationConfig& config) {
  const auto found = generate(backend, std::vector<Ids>{prompt}, config);
  EXPECT_TRUE(found) << found.error().to_line();
  return found ? found->at(0).at(0).ids : Ids();
}

TEST(Prompt, IsWhatTheResultsBeginWith) {
  const ScriptedBackend backend = decoder_only();
  GenerationConfig config;
  config.num_beams = 3;
  config.max_new_tokens = 4;
  config.min_new_tokens = 4;
  const auto found = generate(backend, std::vector<Ids>{{5, 6, 7}, {9}}, config);
  ASSERT_TRUE(found) << found.error().to_line();
  const Ids& first = found->at(0).at(0).ids;
  EXPECT_EQ(Ids(first.begin(), first.begin() + 3), (Ids{5, 6, 7}));
  EXPECT_EQ(first.size(), 7U);
  EXPECT_EQ(found->at(1).at(0).ids.size(), 5U);
}

TEST(Prompt, IsFedWholeInTheFirstStepAndOnlyOnce) {
  std::vector<std::size_t> lengths;
  const ScriptedBackend backend = decoder_only([&](const Ids&, const Ids& prefix) {
    lengths.push_back(prefix.size());
    return liking({4});
  });
  GenerationConfig config;
  config.max_new_tokens = 3;
  EXPECT_EQ(first_result(backend, {5, 6, 7}, config), (Ids{5, 6, 7, 4, 4, 4}));
  EXPECT_EQ(lengths, (std::vector<std::size_t>{3, 4, 5}));
}

TEST(Prompt, CountsForMaxLengthAndMinLength) {
  const ScriptedBackend ends_at_once = decoder_only([](const Ids&, const Ids&) { return liking({kEos, 4}); });
  GenerationConfig config;
  config.max_length = 6;
  EXPECT_EQ(first_result(ends_at_once, {5, 6, 7}, config), (Ids{5, 6, 7, kEos}));
  config.min_length = 4;
  EXPECT_EQ(first_result(ends_at_once, {5, 6, 7}, config), (Ids{5, 6, 7, 4, kEos}));
  config.min_length = 0;
  config.min_new_tokens = 2;
  EXPECT_EQ(first_result(ends_at_once, {5, 6, 7}, config), (Ids{5, 6, 7, 4, 4, kEos}));
  config.eos_token_ids = {};
  config.min_new_tokens.reset();
  EXPECT_EQ(first_result(ends_at_once, {5, 6, 7}, config).size(), 6U);
}

TEST(Prompt, CountsForTheLengthPenalty) {
  const ScriptedBackend backend = decoder_only([](const Ids&, const Ids&) { return liking({kEos, 4}); });
  GenerationConfig config;
  config.num_beams = 2;
  config.max_new_tokens = 5;
  config.length_penalty = 2;
  config.early_stopping = EarlyStopping::kTrue;
  const auto found = generate(backend, std::vector<Ids>{{5, 6, 7, 8}}, config);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->at(0).at(0).ids, (Ids{5, 6, 7, 8, kEos}));
  const double total = std::exp(10.0) + std::exp(9.0) + (kVocabulary - 2);
  EXPECT_NEAR(found->at(0).at(0).score, (10 - std::log(total)) / 16, 1e-6) << "four tokens, squared";
}

TEST(Prompt, IsSeenByPenaltiesNgramsAndBadWords) {
  const ScriptedBackend backend = decoder_only([](const Ids&, const Ids&) { return liking({5, 4}); });
  GenerationConfig config;
  config.max_new_tokens = 1;
  EXPECT_EQ(first_result(backend, {5, 6}, config).back(), 5);
  config.repetition_penalty = 1.2;
  EXPECT_EQ(first_result(backend, {5, 6}, config).back(), 4) << "10 / 1.2 is below 9";
  config.repetition_penalty = 1;
  config.no_repeat_ngram_size = 2;
  EXPECT_EQ(first_result(backend, {6, 5, 6}, config).back(), 4);
  config.no_repeat_ngram_size = 0;
  config.bad_words_ids = {{6, 5}};
  EXPECT_EQ(first_result(backend, {3, 6}, config).back(), 4);
  EXPECT_EQ(first_result(backend, {6, 3}, config).back(), 5);
  config.bad_words_ids = {};
  config.encoder_repetition_penalty = 1.2;
  EXPECT_EQ(first_result(backend, {4, 6}, config).back(), 4) << "9 * 1.2 is above 10";
}

TEST(Prompt, BeginSuppressedTokensAreThoseRightBehindIt) {
  const ScriptedBackend backend = decoder_only([](const Ids&, const Ids&) { return liking({5, 4}); });
  GenerationConfig config;
  config.max_new_tokens = 2;
  config.begin_suppress_tokens = {5};
  EXPECT_EQ(first_result(backend, {6, 7, 8}, config), (Ids{6, 7, 8, 4, 5}));
}

TEST(Prompt, MustLeaveRoomAndSaysSo) {
  const ScriptedBackend backend = decoder_only();
  GenerationConfig config;
  config.max_length = 3;
  const auto full = generate(backend, std::vector<Ids>{{5, 6, 7}}, config);
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(full.error().public_message.find("counts the 3 start or prompt token(s)"), std::string::npos);
  config.max_new_tokens = 1000;
  const auto too_long = generate(backend, std::vector<Ids>{{5, 6, 7}}, config);
  ASSERT_FALSE(too_long);
  EXPECT_NE(too_long.error().public_message.find("1003 tokens (3 of them start or prompt)"),
            std::string::npos);
}

TEST(Prompt, HasNoEncoderToTakeNgramsFrom) {
  GenerationConfig config;
  config.max_new_tokens = 2;
  config.encoder_no_repeat_ngram_size = 2;
  const auto refused = generate(decoder_only(), std::vector<Ids>{{5, 6}}, config);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().public_message.find("encoder_no_repeat_ngram_size"), std::string::npos);
}

TEST(Prompt, OfAnyLengthGivesInABatchWhatItGivesAlone) {
  const ScriptedBackend backend = decoder_only();
  std::vector<Ids> prompts;
  for (TokenId i = 0; i < 19; ++i) prompts.push_back(Ids(static_cast<std::size_t>(1 + i % 7), i + 2));
  for (const int beams : {1, 4}) {
    for (const bool sample : {false, true}) {
      GenerationConfig config;
      config.num_beams = beams;
      config.do_sample = sample;
      config.num_return_sequences = sample || beams > 1 ? 2 : 1;
      config.seed = 11;
      config.max_new_tokens = 12;
      config.eos_token_ids = {kEos, 9};
      const auto together = generate(backend, prompts, config);
      ASSERT_TRUE(together) << together.error().to_line();
      for (std::size_t i = 0; i < prompts.size(); ++i) {
        const auto alone = generate(backend, std::vector<Ids>{prompts[i]}, config);
        ASSERT_EQ(alone->at(0).size(), together->at(i).size());
        for (std::size_t j = 0; j < alone->at(0).size(); ++j) {
          EXPECT_EQ(alone->at(0)[j].ids, together->at(i)[j].ids)
              << "prompt " << i << ", " << beams << " beams";
          EXPECT_EQ(alone->at(0)[j].score, together->at(i)[j].score);
        }
      }
    }
  }
}

TEST(Prompt, MayHoldAnEndOfSequenceToken) {
  const ScriptedBackend backend = decoder_only([](const Ids&, const Ids&) { return liking({4}); });
  GenerationConfig config;
  config.max_new_tokens = 2;
  EXPECT_EQ(first_result(backend, {5, kEos, 6}, config), (Ids{5, kEos, 6, 4, 4}));
}

}  // namespace
}  // namespace epicrisis
