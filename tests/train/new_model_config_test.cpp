#include "train/new_model_config.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "checkpoint/checkpoint.hpp"
#include "support/fixtures.hpp"
#include "text/tokenizer.hpp"
#include "train/parameter_layout.hpp"

namespace epicrisis::train {
namespace {

/// A tokenizer with exactly these special tokens.
Tokenizer tokenizer_with(const std::vector<std::string>& tokens) {
  Json json = {{"version", "1.0"},
               {"truncation", nullptr},
               {"padding", nullptr},
               {"added_tokens", Json::array()},
               {"normalizer", nullptr},
               {"pre_tokenizer", nullptr},
               {"post_processor", nullptr},
               {"decoder", nullptr},
               {"model", {{"type", "Unigram"}, {"unk_id", 0}, {"vocab", Json::array()}}}};
  int id = 0;
  for (const std::string& token : tokens) {
    json["model"]["vocab"].push_back({token, 0.0});
    json["added_tokens"].push_back({{"id", id++},
                                    {"content", token},
                                    {"single_word", false},
                                    {"lstrip", false},
                                    {"rstrip", false},
                                    {"normalized", false},
                                    {"special", true}});
  }
  Result<Tokenizer> tokenizer = Tokenizer::parse(json.dump());
  EXPECT_TRUE(tokenizer.has_value()) << (tokenizer ? "" : tokenizer.error().to_line());
  return *std::move(tokenizer);
}

Tokenizer rich_tokenizer() { return tokenizer_with({"<unk>", "<s>", "<pad>", "</s>", "<|endoftext|>"}); }

class NewModelConfig : public ::testing::TestWithParam<const char*> {};

TEST_P(NewModelConfig, IsOneTheFamilysReaderTakesAndTheTrainerTrains) {
  const Tokenizer tokenizer = rich_tokenizer();
  const auto config = new_model_config({{"model_type", GetParam()}}, tokenizer, 2000);
  ASSERT_TRUE(config.has_value()) << config.error().to_line();
  const auto architecture = read_architecture(*config);
  ASSERT_TRUE(architecture.has_value()) << architecture.error().to_line();
  EXPECT_EQ(architecture->family, GetParam());
  EXPECT_EQ(architecture->vocab_size, 5);
  EXPECT_TRUE(architecture->max_positions == 0 || architecture->max_positions >= 2000);
  if (architecture->family != std::string("pegasus")) {
    EXPECT_EQ(architecture->eos_token_id, architecture->family == "gpt2" ? 4 : 3);
  }
  EXPECT_TRUE(ParameterLayout::create(*architecture).has_value());
}

INSTANTIATE_TEST_SUITE_P(Families, NewModelConfig,
                         ::testing::Values("bart", "bloom", "gpt2", "mbart", "mt5", "pegasus", "t5"),
                         [](const auto& instance) { return std::string(instance.param); });

TEST(NewModelConfigErrors, AnUnknownFamilyIsAnsweredWithTheKnownOnes) {
  const auto config = new_model_config({{"model_type", "rnn"}}, rich_tokenizer(), 64);
  ASSERT_FALSE(config);
  EXPECT_NE(config.error().public_message.find("bart, bloom, gpt2, mbart, mt5, pegasus, t5"),
            std::string::npos);
}

TEST(NewModelConfigErrors, KeysAreThoseOfTheFamily) {
  const auto config = new_model_config({{"model_type", "t5"}, {"encoder_layers", "2"}}, rich_tokenizer(), 64);
  ASSERT_FALSE(config);
  EXPECT_NE(config.error().public_message.find("'encoder_layers'"), std::string::npos);
}

TEST(NewModelConfigErrors, NamesTheTokenThatTheTokenizerLacks) {
  const auto config =
      new_model_config({{"model_type", "gpt2"}}, tokenizer_with({"<unk>", "<s>", "</s>", "<pad>"}), 64);
  ASSERT_FALSE(config);
  EXPECT_NE(config.error().public_message.find("'<|endoftext|>'"), std::string::npos);
}

}  // namespace
}  // namespace epicrisis::train
