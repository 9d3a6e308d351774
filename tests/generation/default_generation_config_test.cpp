// What a checkpoint's files make of the settings that nobody asked for.
#include <gtest/gtest.h>

#include "generation/generation_config.hpp"

namespace epicrisis {
namespace {

using Ids = std::vector<TokenId>;

GenerationConfig defaults_of(const Json& config, const Json& generation_config = Json::object(),
                             std::string_view task = {}) {
  const auto defaults = default_generation_config(config, generation_config, task);
  EXPECT_TRUE(defaults) << defaults.error().to_line();
  return defaults ? *defaults : GenerationConfig();
}

TEST(DefaultGenerationConfig, FollowsTheReferencesOrder) {
  const Json config = {{"model_type", "pegasus"},
                       {"num_beams", 8},
                       {"max_length", 64},
                       {"pad_token_id", 3},
                       {"eos_token_id", 4}};
  EXPECT_EQ(defaults_of(config).num_beams, 8);
  // A file of its own replaces config.json's settings, not its token ids.
  const auto own = defaults_of(config, {{"max_length", 30}});
  EXPECT_EQ(own.num_beams, 1);
  EXPECT_EQ(own.max_length, 30);
  EXPECT_EQ(own.pad_token_id, 3);
  EXPECT_TRUE(own.forced_eos_token_ids.empty());
  // A file derived from config.json gives way to it.
  const auto derived = defaults_of(config, {{"_from_model_config", true}, {"max_length", 30}, {"top_k", 7}});
  EXPECT_EQ(derived.num_beams, 8);
  EXPECT_EQ(derived.max_length, 64);
  EXPECT_EQ(derived.top_k, 7);
  EXPECT_EQ(defaults_of(Json::object()).max_length, 20);
}

TEST(DefaultGenerationConfig, TaskParametersComeLastWhenTheTaskIsAsked) {
  const Json config = {{"num_beams", 8},
                       {"task_specific_params",
                        {{"summarization", {{"num_beams", 4}, {"prefix", "summarize: "}}},
                         {"text-generation", {{"do_sample", true}, {"max_length", 50}}}}}};
  EXPECT_EQ(defaults_of(config, {{"num_beams", 2}}, "summarization").num_beams, 4);
  EXPECT_EQ(defaults_of(config, {{"num_beams", 2}}).num_beams, 2) << "generate() knows no task";
  const auto continued = defaults_of(config, Json::object(), "text-generation");
  EXPECT_TRUE(continued.do_sample);
  EXPECT_EQ(continued.max_length, 50);
  EXPECT_EQ(defaults_of(config, Json::object(), "text2text-generation").num_beams, 8);
}

TEST(DefaultGenerationConfig, TokenIdsThatNoFileNamesAreThoseOfTheFamily) {
  const auto bart = defaults_of({{"model_type", "bart"}});
  EXPECT_EQ(bart.pad_token_id, 1);
  EXPECT_EQ(bart.bos_token_id, 0);
  EXPECT_EQ(bart.eos_token_ids, (Ids{2}));
  EXPECT_EQ(bart.decoder_start_token_id, 2);
  EXPECT_EQ(bart.forced_eos_token_ids, (Ids{2}));
  EXPECT_EQ(defaults_of({{"model_type", "pegasus"}}).forced_eos_token_ids, (Ids{1}));
  EXPECT_EQ(defaults_of({{"model_type", "bloom"}}).eos_token_ids, (Ids{2}));
  EXPECT_TRUE(defaults_of({{"model_type", "t5"}}).forced_eos_token_ids.empty());
  EXPECT_EQ(defaults_of({{"model_type", "mt5"}}, {{"max_length", 9}}).decoder_start_token_id, 0);
}

TEST(DefaultGenerationConfig, NullTakesTheFamilysDefaultAway) {
  const auto bart = defaults_of({{"model_type", "bart"}, {"forced_eos_token_id", nullptr}});
  EXPECT_TRUE(bart.forced_eos_token_ids.empty());
}

TEST(DefaultGenerationConfig, WithoutPaddingTheEndPadsAndWithoutAStartBosStarts) {
  EXPECT_EQ(defaults_of({{"model_type", "gpt2"}}).pad_token_id, 50256);
  EXPECT_EQ(defaults_of({{"eos_token_id", {7, 8}}, {"pad_token_id", nullptr}}).pad_token_id, 7);
  EXPECT_EQ(defaults_of({{"model_type", "mbart"}, {"bos_token_id", 5}}).decoder_start_token_id, 5);
}

TEST(DefaultGenerationConfig, ReadsTheOlderNameOfBartsForcedFirstToken) {
  EXPECT_EQ(
      defaults_of({{"model_type", "bart"}, {"force_bos_token_to_be_generated", true}}).forced_bos_token_id,
      0);
  EXPECT_FALSE(
      defaults_of({{"model_type", "bart"}, {"force_bos_token_to_be_generated", false}}).forced_bos_token_id);
}

TEST(DefaultGenerationConfig, RefusesAFileThatAsksForWhatIsNotSupported) {
  const auto refused = default_generation_config({{"num_beam_groups", 3}}, Json::object());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(refused.error().to_line().find("num_beam_groups"), std::string::npos);
  EXPECT_FALSE(default_generation_config({{"model_type", "t5"}, {"eos_token_id", "x"}}, Json()));
}

}  // namespace
}  // namespace epicrisis
