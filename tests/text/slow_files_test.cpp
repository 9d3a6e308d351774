#include "text/tokenizers/slow_files.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/files.hpp"
#include "base/json.hpp"
#include "support/fixtures.hpp"
#include "text/tokenizer.hpp"

// Folders without tokenizer.json: spiece.model, or vocab.json and merges.txt.
namespace epicrisis {
namespace {
namespace fs = std::filesystem;

constexpr const char* kSlowFiles[] = {"spiece.model", "sentencepiece.bpe.model", "vocab.json", "merges.txt"};
constexpr const char* kSettings[] = {"config.json", "tokenizer_config.json", "special_tokens_map.json",
                                     "added_tokens.json"};

/// A copy of a fixture's tokenizer without tokenizer.json.
TemporaryDirectory slow_copy(const fs::path& fixture) {
  auto folder = TemporaryDirectory::create().value();
  for (const char* file : kSlowFiles)
    if (fs::exists(fixture / file)) fs::copy(fixture / file, folder.path() / file);
  for (const char* file : kSettings)
    if (fs::exists(fixture / file)) fs::copy(fixture / file, folder.path() / file);
  return folder;
}

std::vector<fs::path> fixtures_with_slow_files() {
  std::vector<fs::path> folders;
  for (const char* root : {"pegasus", "bart", "t5", "gpt2", "bloom", "tokenizers"})
    for (const fs::path& folder : testing::find_fixtures(root, "tokenizer-cases.json"))
      if (has_slow_files(folder)) folders.push_back(folder);
  return folders;
}

/// The types of a stage's components, in order.
void append_types(const Json& component, std::vector<std::string>& types) {
  if (!component.is_object()) return;
  for (const char* list : {"normalizers", "pretokenizers"})
    if (component.contains(list))
      for (const Json& part : component[list]) append_types(part, types);
  if (component.value("type", "") != "Sequence") types.push_back(component.value("type", ""));
}

std::vector<std::string> stages_of(const Json& file) {
  std::vector<std::string> types;
  append_types(file.at("normalizer"), types);
  append_types(file.at("pre_tokenizer"), types);
  return types;
}

class SlowFiles : public ::testing::TestWithParam<fs::path> {};

TEST_P(SlowFiles, GiveTheIdsOfTokenizerJson) {
  const Json file = read_json_file(GetParam() / "tokenizer.json").value();
  const TemporaryDirectory folder = slow_copy(GetParam());
  const auto converted = convert_slow_files(folder.path());
  ASSERT_TRUE(converted) << converted.error().to_line();
  if (stages_of(file) == std::vector<std::string>{"Precompiled", "WhitespaceSplit", "Metaspace"})
    GTEST_SKIP() << "made by a release before the one whose conversion replaces double spaces";
  const auto tokenizer = Tokenizer::load(folder.path());
  ASSERT_TRUE(tokenizer) << tokenizer.error().to_line();
  const Json cases = read_json_file(GetParam() / "tokenizer-cases.json").value();
  for (std::size_t i = 0; i < cases["cases"].size(); ++i) {
    const Json& one = cases["cases"][i];
    ASSERT_EQ(tokenizer->encode(one["text"].get<std::string>()).ids,
              one["fast"]["ids"].get<std::vector<TokenId>>())
        << "cases[" << i << "]";
  }
  for (std::size_t i = 0; i < cases["decode"].size(); ++i) {
    const Json& one = cases["decode"][i];
    ASSERT_EQ(tokenizer->decode(one["ids"].get<std::vector<TokenId>>()),
              one["skip_special"].get<std::string>())
        << "decode[" << i << "]";
  }
}

INSTANTIATE_TEST_SUITE_P(Fixtures, SlowFiles, ::testing::ValuesIn(fixtures_with_slow_files()),
                         [](const auto& one) { return testing::fixture_name(one.param); });
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(SlowFiles);

/// The kept SentencePiece model under another class.
Result<Tokenizer> load_with_config(const std::string& tokenizer_config, const std::string& config = "{}") {
  const TemporaryDirectory folder = TemporaryDirectory::create().value();
  fs::copy(testing::kept_fixtures_dir() / "pegasus" / "xsum-like" / "spiece.model",
           folder.path() / "spiece.model");
  EXPECT_TRUE(write_file_atomically(folder.path() / "tokenizer_config.json", tokenizer_config));
  EXPECT_TRUE(write_file_atomically(folder.path() / "config.json", config));
  return Tokenizer::load(folder.path());
}

TEST(SlowFilesOfT5, AddExtraIdsFromTheLargestDown) {
  const auto tokenizer = load_with_config(R"({"tokenizer_class": "T5Tokenizer", "extra_ids": 3})");
  ASSERT_TRUE(tokenizer) << tokenizer.error().to_line();
  const auto first = tokenizer->token_to_id("<extra_id_0>");
  ASSERT_TRUE(first);
  EXPECT_EQ(static_cast<std::size_t>(*first) + 1, tokenizer->vocab_size());
  EXPECT_EQ(tokenizer->id_to_token(*first - 2), "<extra_id_2>");
  EXPECT_EQ(tokenizer->encode("a<extra_id_1>").ids.back(), *tokenizer->token_to_id("</s>"));
}

TEST(SlowFilesOfT5, AddTheTokensThatTheConfigAdds) {
  const auto tokenizer = load_with_config(
      R"({"tokenizer_class": "T5Tokenizer", "extra_ids": 2, "additional_special_tokens": ["<extra_id_0>", "<extra_id_1>", "<section>"]})");
  ASSERT_TRUE(tokenizer) << tokenizer.error().to_line();
  const auto section = tokenizer->token_to_id("<section>");
  ASSERT_TRUE(section);
  EXPECT_EQ(tokenizer->encode("<section>").ids.front(), *section);
  EXPECT_EQ(tokenizer->decode({*section}), "") << "special";
}

TEST(SlowFilesOfMbart, FrameTheTextWithTheLanguage) {
  const auto mbart = load_with_config(R"({"tokenizer_class": "MBartTokenizer", "src_lang": "ro_RO"})");
  ASSERT_TRUE(mbart) << mbart.error().to_line();
  EXPECT_EQ(*mbart->token_to_id("<s>"), 0);
  EXPECT_EQ(*mbart->token_to_id("<unk>"), 3);
  EXPECT_EQ(mbart->encode("").ids, (std::vector<TokenId>{2, *mbart->token_to_id("ro_RO")}));
  EXPECT_EQ(static_cast<std::size_t>(*mbart->token_to_id("<mask>")) + 1, mbart->vocab_size());
  const auto fifty = load_with_config(R"({"tokenizer_class": "MBart50TokenizerFast"})");
  ASSERT_TRUE(fifty) << fifty.error().to_line();
  EXPECT_EQ(fifty->encode("").ids, (std::vector<TokenId>{*fifty->token_to_id("en_XX"), 2}));
  EXPECT_EQ(fifty->vocab_size() - mbart->vocab_size(), 27U);
}

TEST(SlowFilesOfAModel, AreOfTheClassThatTheModelTypeHas) {
  EXPECT_TRUE(load_with_config("{}", R"({"model_type": "mt5"})"));
  const auto bloom = load_with_config("{}", R"({"model_type": "bloom"})");
  ASSERT_FALSE(bloom);
  EXPECT_EQ(bloom.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(bloom.error().public_message.find("'bloom'"), std::string::npos);
}

TEST(SlowFilesOfOtherKinds, AreRefusedByName) {
  for (const char* config :
       {R"({"tokenizer_class": "LlamaTokenizer"})", R"({"tokenizer_class": "GPT2Tokenizer"})",
        R"({"tokenizer_class": "PegasusTokenizer", "offset": 7})",
        R"({"tokenizer_class": "PegasusTokenizer", "pad_token": "<nothing>"})",
        R"({"tokenizer_class": "T5Tokenizer", "extra_ids": -1})",
        R"({"tokenizer_class": "MBartTokenizer", "src_lang": "tlh_XX"})"}) {
    const auto tokenizer = load_with_config(config);
    ASSERT_FALSE(tokenizer) << config;
    EXPECT_EQ(tokenizer.error().code, ErrorCode::kUnsupported) << tokenizer.error().to_line();
  }
  for (const char* config :
       {"[]", R"({"tokenizer_class": 5})", R"({"tokenizer_class": "T5Tokenizer", "pad_token": 1})",
        R"({"tokenizer_class": "T5Tokenizer", "additional_special_tokens": "x"})"}) {
    const auto tokenizer = load_with_config(config);
    ASSERT_FALSE(tokenizer) << config;
    EXPECT_EQ(tokenizer.error().code, ErrorCode::kCorrupt) << tokenizer.error().to_line();
  }
}

TEST(SlowFilesOfSentencePiece, CutShortNeverCrash) {
  const TemporaryDirectory folder = slow_copy(testing::kept_fixtures_dir() / "pegasus" / "xsum-like");
  const std::string whole = read_file(folder.path() / "spiece.model").value();
  for (std::size_t size = 0; size < whole.size(); size += whole.size() / 13) {
    ASSERT_TRUE(
        write_file_atomically(folder.path() / "spiece.model", std::string_view(whole).substr(0, size)));
    (void)Tokenizer::load(folder.path());  // a whole number of fields is a model
  }
  for (std::size_t at = 1; at < whole.size(); at += whole.size() / 13) {
    std::string altered = whole;
    altered[at] = static_cast<char>(altered[at] ^ 0x55);
    ASSERT_TRUE(write_file_atomically(folder.path() / "spiece.model", altered));
    const auto tokenizer = Tokenizer::load(folder.path());
    if (tokenizer) tokenizer->encode("Temp 38 \u00B0C, \u00BD tab.");
  }
}

/// A small GPT-2 folder.
Result<Tokenizer> load_byte_level(const std::string& vocab, const std::string& merges,
                                  const std::string& config) {
  const TemporaryDirectory folder = TemporaryDirectory::create().value();
  EXPECT_TRUE(write_file_atomically(folder.path() / "vocab.json", vocab));
  EXPECT_TRUE(write_file_atomically(folder.path() / "merges.txt", merges));
  EXPECT_TRUE(write_file_atomically(folder.path() / "tokenizer_config.json", config));
  return Tokenizer::load(folder.path());
}

TEST(SlowFilesOfGpt2, MergeAsMergesTxtSays) {
  const char* config = R"({"tokenizer_class": "GPT2Tokenizer"})";
  const char* vocab = R"({"a": 0, "b": 1, "ab": 2, "Ġ": 3, "<|endoftext|>": 4})";
  const auto tokenizer = load_byte_level(vocab, "#version: 0.2\r\na b\r\n\n", config);
  ASSERT_TRUE(tokenizer) << tokenizer.error().to_line();
  EXPECT_EQ(tokenizer->encode("ab<|endoftext|>a b").ids, (std::vector<TokenId>{2, 4, 0, 3, 1}));
  EXPECT_EQ(tokenizer->decode({2, 4, 0, 3, 1}), "aba b");
  for (const char* merges : {"#version\na\n", "a b c\n", " b\n", "a z\n", "a \xFF\n"}) {
    const auto bad = load_byte_level(vocab, merges, config);
    ASSERT_FALSE(bad) << merges;
    EXPECT_EQ(bad.error().code, ErrorCode::kCorrupt) << bad.error().to_line();
  }
  EXPECT_FALSE(load_byte_level("[]", "a b\n", config));
  EXPECT_FALSE(load_byte_level(R"({"a": -1})", "", config));
  EXPECT_FALSE(load_byte_level(vocab, "", R"({"tokenizer_class": "T5Tokenizer"})"));
  EXPECT_FALSE(load_byte_level(vocab, "", R"({"tokenizer_class": "GPT2Tokenizer", "add_bos_token": true})"));
}

TEST(SlowFilesOfBart, FrameTheTextAndAddMissingTokens) {
  const auto tokenizer = load_byte_level(R"({"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, "a": 4, "Ġ": 5})",
                                         "", R"({"tokenizer_class": "BartTokenizer"})");
  ASSERT_TRUE(tokenizer) << tokenizer.error().to_line();
  EXPECT_EQ(tokenizer->encode("a <mask>").ids, (std::vector<TokenId>{0, 4, 6, 2}))
      << "<mask> takes the space before";
}

}  // namespace
}  // namespace epicrisis
