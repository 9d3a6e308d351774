#include "api/worker/parameters.hpp"

#include <gtest/gtest.h>

#include <string>

namespace epicrisis::api {
namespace {

TextSettings applied(const Json& parameters, Task task = Task::kSummarization) {
  TextSettings defaults;
  defaults.generation.num_beams = 4;
  defaults.generation.min_length = 3;
  defaults.output = default_text_output(task);
  const auto settings = apply_parameters(defaults, task, parameters);
  EXPECT_TRUE(settings) << settings.error().to_line();
  return settings ? *settings : TextSettings();
}

std::string refusal(const Json& parameters, Task task = Task::kSummarization) {
  const auto settings = apply_parameters({}, task, parameters);
  return settings ? std::string("accepted") : settings.error().to_line();
}

TEST(Parameters, LieOverTheModelsDefaults) {
  const TextSettings settings = applied({{"num_beams", 2}, {"truncation", true}});
  EXPECT_EQ(settings.generation.num_beams, 2);
  EXPECT_EQ(settings.generation.min_length, 3);
}

TEST(Parameters, EverySettingIsTakenByName) {
  const GenerationConfig config = applied({{"bad_words_ids", {{3}, {4, 5}}},
                                           {"suppress_tokens", {7}},
                                           {"begin_suppress_tokens", {8}},
                                           {"forced_bos_token_id", 9},
                                           {"forced_eos_token_id", {1, 2}},
                                           {"eos_token_id", {1, 2}},
                                           {"renormalize_logits", true},
                                           {"do_sample", true},
                                           {"num_return_sequences", 3},
                                           {"typical_p", 0.5}})
                                      .generation;
  EXPECT_EQ(config.bad_words_ids, (std::vector<std::vector<TokenId>>{{3}, {4, 5}}));
  EXPECT_EQ(config.suppress_tokens, (std::vector<TokenId>{7}));
  EXPECT_EQ(config.begin_suppress_tokens, (std::vector<TokenId>{8}));
  EXPECT_EQ(config.forced_bos_token_id, 9);
  EXPECT_EQ(config.forced_eos_token_ids, (std::vector<TokenId>{1, 2}));
  EXPECT_EQ(config.eos_token_ids, (std::vector<TokenId>{1, 2}));
  EXPECT_TRUE(config.renormalize_logits);
  EXPECT_EQ(config.num_return_sequences, 3);
  EXPECT_EQ(config.typical_p, 0.5);
}

TEST(Parameters, SayWhatIsShownOfTheText) {
  EXPECT_TRUE(applied(Json::object(), Task::kTextGeneration).output.full_text);
  EXPECT_FALSE(applied({{"return_full_text", false}}, Task::kTextGeneration).output.full_text);
  EXPECT_TRUE(applied({{"return_full_text", nullptr}}, Task::kTextGeneration).output.full_text);
  EXPECT_FALSE(applied(Json::object(), Task::kText2TextGeneration).output.clean_up);
  EXPECT_TRUE(applied({{"clean_up_tokenization_spaces", true}}).output.clean_up);
  EXPECT_NE(refusal({{"return_full_text", true}}).find("text-generation only"), std::string::npos);
  EXPECT_NE(refusal({{"return_full_text", "x"}}, Task::kTextGeneration).find("true or false"),
            std::string::npos);
}

TEST(Parameters, OfThePipelinesThatAreNotImplementedAreRefusedByName) {
  for (const char* name : {"stop_sequence", "handle_long_generation", "prefix", "return_type"}) {
    EXPECT_NE(refusal({{name, "x"}}).find(std::string("'") + name + "'"), std::string::npos);
    EXPECT_EQ(refusal({{name, nullptr}}), "accepted");
  }
  EXPECT_EQ(refusal({{"return_tensors", false}, {"return_text", true}}), "accepted");
  EXPECT_NE(refusal({{"return_tensors", true}}), "accepted");
}

TEST(Parameters, BadOnesAreNamedByTheNameWeKnow) {
  EXPECT_NE(refusal({{"num_beams", "Canary"}}).find("'num_beams'"), std::string::npos);
  EXPECT_NE(refusal({{"num_beams", 0}}).find("'num_beams'"), std::string::npos);
  EXPECT_NE(refusal({{"max_lenght", 5}}).find("did you mean 'max_length'?"), std::string::npos);
  EXPECT_NE(refusal({{"return_ful_text", 5}}).find("did you mean 'return_full_text'?"), std::string::npos);
  EXPECT_NE(refusal({{"num_return_sequences", 3}, {"num_beams", 2}}).find("'num_return_sequences'"),
            std::string::npos);
  EXPECT_NE(refusal({{"Canary fell at home", 5}}).find("unknown name (member 1"), std::string::npos);
  for (const Json& parameters : {Json{{"num_beams", "Canary"}}, Json{{"Canary fell at home", 5}},
                                 Json{{"Canary", 1}}, Json{{"early_stopping", "Canary"}},
                                 Json{{"bad_words_ids", {"Canary"}}}, Json{{"stop_sequence", "Canary"}}}) {
    EXPECT_EQ(refusal(parameters).find("Canary"), std::string::npos) << refusal(parameters);
    EXPECT_NE(refusal(parameters), "accepted");
  }
}

}  // namespace
}  // namespace epicrisis::api
