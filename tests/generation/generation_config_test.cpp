#include "generation/generation_config.hpp"

#include <gtest/gtest.h>

#include <string>

namespace epicrisis {
namespace {

std::string refusal(const Json& json, bool strict = true) {
  GenerationConfig config;
  const auto outcome = config.apply(json, strict);
  return outcome ? std::string() : outcome.error().public_message;
}

TEST(GenerationConfig, ReadsTheHuggingFaceNames) {
  GenerationConfig config;
  const auto outcome = config.apply({{"max_length", 64},
                                     {"num_beams", 8},
                                     {"length_penalty", 0.6},
                                     {"early_stopping", "never"},
                                     {"eos_token_id", {1, 5}},
                                     {"forced_eos_token_id", {1, 5}},
                                     {"typical_p", 0.9},
                                     {"epsilon_cutoff", 1e-3},
                                     {"encoder_repetition_penalty", 1.5},
                                     {"bad_words_ids", {{3}, {4, 5}}},
                                     {"do_sample", true},
                                     {"top_k", 7.0},
                                     {"seed", 18446744073709551615ULL},
                                     {"use_cache", false}},
                                    true);
  ASSERT_TRUE(outcome) << outcome.error().to_line();
  EXPECT_EQ(config.max_length, 64);
  EXPECT_EQ(config.num_beams, 8);
  EXPECT_EQ(config.length_penalty, 0.6);
  EXPECT_EQ(config.early_stopping, EarlyStopping::kNever);
  EXPECT_EQ(config.eos_token_ids, (std::vector<TokenId>{1, 5}));
  EXPECT_EQ(config.forced_eos_token_ids, (std::vector<TokenId>{1, 5}));
  EXPECT_EQ(config.typical_p, 0.9);
  EXPECT_EQ(config.epsilon_cutoff, 1e-3);
  EXPECT_EQ(config.encoder_repetition_penalty, 1.5);
  EXPECT_EQ(config.bad_words_ids, (std::vector<std::vector<TokenId>>{{3}, {4, 5}}));
  EXPECT_TRUE(config.do_sample);
  EXPECT_EQ(config.top_k, 7);
  EXPECT_EQ(config.seed, 18446744073709551615ULL);
}

TEST(GenerationConfig, AnUnknownNameGetsTheNearestKnownOne) {
  EXPECT_EQ(refusal({{"num_beam", 4}}), "Unknown parameter 'num_beam'; did you mean 'num_beams'?");
  EXPECT_EQ(refusal({{"max_lenght", 4}}), "Unknown parameter 'max_lenght'; did you mean 'max_length'?");
  EXPECT_EQ(refusal({{"entirely_else", 4}}), "Unknown parameter 'entirely_else'.");
  EXPECT_EQ(refusal({{"num_beam", 4}}, false), "") << "a file may hold anything";
}

TEST(GenerationConfig, AHostileNameStaysOneShortLine) {
  EXPECT_EQ(refusal({{std::string("a\nb\x1b'") + std::string(5000, 'x'), 1}}),
            "Unknown parameter 'a?b??" + std::string(55, 'x') + "...'.");
}

TEST(GenerationConfig, SaysWhatASettingTakes) {
  EXPECT_EQ(refusal({{"num_beams", "4"}}), "'num_beams' must be a whole number.");
  EXPECT_EQ(refusal({{"num_beams", 4.5}}), "'num_beams' must be a whole number.");
  EXPECT_EQ(refusal({{"num_beams", 1e300}}), "'num_beams' must be a whole number.");
  EXPECT_EQ(refusal({{"num_beams", 1LL << 40}}), "'num_beams' must be a whole number.");
  EXPECT_EQ(refusal({{"num_beams", true}}), "'num_beams' must be a whole number.");
  EXPECT_EQ(refusal({{"temperature", "hot"}}), "'temperature' must be a number.");
  EXPECT_EQ(refusal({{"early_stopping", 3}}), "'early_stopping' must be true, false or \"never\".");
  EXPECT_EQ(refusal({{"bad_words_ids", {{1}, Json::array()}}}),
            "'bad_words_ids' must be a list of non-empty lists of token ids.");
  EXPECT_EQ(refusal({{"suppress_tokens", {1, -2}}}), "'suppress_tokens' must be a list of token ids.");
  EXPECT_EQ(refusal({{"seed", -1}}), "'seed' must be a whole number or null.");
  EXPECT_EQ(refusal(Json::array()), "Generation parameters must be a JSON object.");
  EXPECT_EQ(refusal({{"max_length", "x"}}, false), "'max_length' must be a whole number.") << "in files too";
}

TEST(GenerationConfig, NothingChangesOnFailure) {
  GenerationConfig config;
  EXPECT_FALSE(config.apply({{"max_length", 99}, {"num_beams", "x"}}, true));
  EXPECT_EQ(config.max_length, 20);
}

TEST(GenerationConfig, RefusesWhatWouldChangeTheResult) {
  EXPECT_EQ(refusal({{"num_beam_groups", 2}}),
            "'num_beam_groups' is not supported; leave it out or at its default.");
  EXPECT_EQ(refusal({{"num_beam_groups", 1}, {"diversity_penalty", 0.0}, {"penalty_alpha", nullptr}}), "");
  EXPECT_NE(refusal({{"diversity_penalty", 0.5}}), "");
  EXPECT_NE(refusal({{"exponential_decay_length_penalty", {5, 1.2}}}), "");
  EXPECT_NE(refusal({{"force_words_ids", {{3}}}}), "");
  EXPECT_NE(refusal({{"penalty_alpha", 0.6}}, false), "") << "in files too";
}

TEST(GenerationConfig, NullTurnsOff) {
  GenerationConfig config;
  config.max_new_tokens = 5;
  config.eta_cutoff = 0.1;
  config.forced_eos_token_ids = {1};
  ASSERT_TRUE(config.apply({{"max_new_tokens", nullptr},
                            {"top_k", nullptr},
                            {"top_p", nullptr},
                            {"eta_cutoff", nullptr},
                            {"eos_token_id", nullptr},
                            {"forced_eos_token_id", nullptr}},
                           true));
  EXPECT_EQ(config.eta_cutoff, 0);
  EXPECT_TRUE(config.eos_token_ids.empty());
  EXPECT_TRUE(config.forced_eos_token_ids.empty());
  EXPECT_EQ(config.max_new_tokens, std::nullopt);
  EXPECT_EQ(config.top_k, 0);
  EXPECT_EQ(refusal({{"num_beams", nullptr}}), "'num_beams' must be a whole number.");
  EXPECT_EQ(refusal({{"num_beams", nullptr}}, false), "") << "a file leaves it to the default";
}

TEST(GenerationConfig, ValidatesRangesAndContradictions) {
  const auto line = [](void (*change)(GenerationConfig&)) {
    GenerationConfig config;
    change(config);
    const auto outcome = config.validate();
    return outcome ? std::string() : outcome.error().public_message;
  };
  EXPECT_EQ(line([](GenerationConfig&) {}), "");
  EXPECT_EQ(line([](GenerationConfig& c) { c.num_beams = 0; }),
            "'num_beams' is 0 but must be from 1 to 256.");
  EXPECT_EQ(line([](GenerationConfig& c) { c.min_length = -1; }),
            "'min_length' is -1 but must be at least 0.");
  EXPECT_NE(line([](GenerationConfig& c) { c.num_return_sequences = 2; }), "");
}

TEST(GenerationConfig, ValidatesWhatSamplingLooksAtWhenItSamples) {
  const auto line = [](void (*change)(GenerationConfig&)) {
    GenerationConfig config;
    change(config);
    EXPECT_TRUE(config.validate()) << "a search passes over it";
    config.do_sample = true;
    const auto outcome = config.validate();
    return outcome ? std::string() : outcome.error().public_message;
  };
  EXPECT_EQ(line([](GenerationConfig& c) { c.temperature = 0; }), "'temperature' is 0 but must be above 0.");
  EXPECT_EQ(line([](GenerationConfig& c) { c.top_p = 1.5; }), "'top_p' is 1.5 but must be from 0 to 1.");
  EXPECT_EQ(line([](GenerationConfig& c) { c.top_p = 0; }), "");
  EXPECT_EQ(line([](GenerationConfig& c) { c.typical_p = 0; }), "'typical_p' is 0 but must be above 0.");
  EXPECT_EQ(line([](GenerationConfig& c) { c.eta_cutoff = -1; }),
            "'eta_cutoff' is -1 but must be from 0 to 1.");
  EXPECT_EQ(line([](GenerationConfig& c) { c.num_beams = 4; }), "");
  EXPECT_EQ(line([](GenerationConfig& c) {
              c.num_beams = 100;
              c.num_return_sequences = 3;
            }),
            "'num_beams' (100) times 'num_return_sequences' (3) must be at most 256.");
}

TEST(GenerationConfig, SamplingReturnsMoreThanItHasBeams) {
  GenerationConfig config;
  config.num_return_sequences = 3;
  config.do_sample = true;
  EXPECT_TRUE(config.validate());
}

}  // namespace
}  // namespace epicrisis
