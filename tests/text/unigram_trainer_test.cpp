#include "text/tokenizers/unigram_trainer.hpp"

#include <gtest/gtest.h>
#include <sentencepiece_processor.h>

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/files.hpp"
#include "base/json.hpp"
#include "support/fixtures.hpp"
#include "text/tokenizer.hpp"

namespace epicrisis {
namespace {

/// A small synthetic shift-note corpus: every combination of a few parts, so that words repeat as they do in
/// notes.
std::vector<std::string> training_texts() {
  const char* complaints[] = {
      "chest pain", "shortness of breath", "abdominal pain",   "left hip pain",
      "dizziness",  "fever and chills",    "productive cough", "confusion since yesterday"};
  const char* vitals[] = {"BP 142/88, HR 96, SpO\u2082 94 % on room air.", "Temp 38.4 \u00B0C, RR 22.",
                          "Pain 7/10, alert and oriented.", "BP 90/60 after 500 mL saline."};
  const char* actions[] = {"Nitroglycerin 0.4 mg given \u00D73 without relief.",
                           "Ceftriaxone 1 g IV started.",
                           "Patient transferred to the cath lab.",
                           "Family informed, labs pending.",
                           "Morphine 2 mg IV, reassess in 30 minutes.",
                           "Denies nausea or vomiting."};
  std::vector<std::string> texts;
  for (const char* complaint : complaints)
    for (const char* vital : vitals)
      for (const char* action : actions)
        texts.push_back(std::string("Patient admitted with ") + complaint + ". " + vital + "\n" + action);
  return texts;
}

NextText reader_of(const std::vector<std::string>& texts) {
  return [&texts, next = std::size_t{0}]() mutable -> Result<std::optional<std::string>> {
    if (next == texts.size()) return std::optional<std::string>();
    return std::optional<std::string>(texts[next++]);
  };
}

constexpr std::size_t kVocabSize = 290;

class UnigramTrainer : public ::testing::Test {
 protected:
  void SetUp() override {
    auto folder = TemporaryDirectory::create();
    ASSERT_TRUE(folder) << folder.error().to_line();
    folder_.emplace(std::move(*folder));
  }
  const std::filesystem::path& folder() const { return folder_->path(); }
  Result<UnigramTrainingReport> train(UnigramTrainerOptions options = {}) {
    if (options.vocab_size == UnigramTrainerOptions{}.vocab_size) options.vocab_size = kVocabSize;
    return train_unigram(reader_of(texts_), options, folder());
  }
  Json file(const char* name) const { return read_json_file(folder() / name).value(); }

  const std::vector<std::string> texts_ = training_texts();

 private:
  std::optional<TemporaryDirectory> folder_;
};

TEST_F(UnigramTrainer, GivesPegasusItsSpecialTokensAndIds) {
  const auto report = train();
  ASSERT_TRUE(report) << report.error().to_line();
  EXPECT_EQ(report->texts, texts_.size());
  EXPECT_GT(report->sentences_read, texts_.size());
  const auto tokenizer = Tokenizer::load(folder());
  ASSERT_TRUE(tokenizer) << tokenizer.error().to_line();
  EXPECT_EQ(tokenizer->vocab_size(), kVocabSize);
  EXPECT_EQ(tokenizer->token_to_id("<pad>"), 0);
  EXPECT_EQ(tokenizer->token_to_id("</s>"), 1);
  EXPECT_EQ(tokenizer->token_to_id("<mask_1>"), 2);
  EXPECT_EQ(tokenizer->token_to_id("<mask_2>"), 3);
  EXPECT_EQ(tokenizer->token_to_id("<unk_2>"), 4);
  EXPECT_EQ(tokenizer->token_to_id("<unk_102>"), 104);
  EXPECT_EQ(tokenizer->token_to_id("<unk>"), 105);
  EXPECT_EQ(tokenizer->token_to_id("<n>"), 106);
}

TEST_F(UnigramTrainer, AgreesWithSentencePieceOnTextItDidNotSee) {
  ASSERT_TRUE(train());
  const auto tokenizer = Tokenizer::load(folder());
  ASSERT_TRUE(tokenizer) << tokenizer.error().to_line();
  sentencepiece::SentencePieceProcessor reference;
  ASSERT_TRUE(reference.Load((folder() / "spiece.model").string()).ok());
  for (const std::string& text : {
           std::string("Patient with hip fracture, temp 39.1 \u00B0C, transferred to the ward."),
           std::string("Heparin 5000 units given; family not informed."),
           std::string("SpO\u2082 88 % \u2192 oxygen 2 L. HR 120."),
           std::string("  double  spaces \t and\nlines  "),
           std::string("\u00BD tablet, 5\u00B5g, \uFF21\uFF22\uFF23, caf\u00E9, Zo\u00EB"),
           std::string("\u4E2D\u6587 unknown"),
           std::string("x"),
       }) {
    std::vector<int> expected;
    ASSERT_TRUE(reference.Encode(text, &expected).ok());
    std::vector<TokenId> ids;
    for (const int id : expected) ids.push_back(id + 103);
    EXPECT_EQ(tokenizer->encode(text, {.add_special_tokens = false}).ids, ids) << text;
  }
}

TEST_F(UnigramTrainer, SameTextGivesTheSameBytes) {
  ASSERT_TRUE(train());
  std::vector<std::string> first;
  const char* names[] = {"tokenizer.json", "spiece.model", "tokenizer_config.json",
                         "special_tokens_map.json"};
  for (const char* name : names) first.push_back(read_file(folder() / name).value());
  ASSERT_TRUE(train());
  for (std::size_t i = 0; i < first.size(); ++i)
    EXPECT_TRUE(read_file(folder() / names[i]).value() == first[i]) << names[i];
}

TEST_F(UnigramTrainer, LaysTheFilesOutAsThePublishedOnesAre) {
  ASSERT_TRUE(train());
  const auto reference = testing::kept_fixtures_dir() / "pegasus" / "xsum-like";
  const auto keys = [](const Json& object) {
    std::set<std::string> names;
    for (const auto& [key, value] : object.items()) names.insert(key);
    return names;
  };
  for (const char* name : {"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"})
    EXPECT_EQ(keys(file(name)), keys(read_json_file(reference / name).value())) << name;
  const Json published = read_json_file(reference / "tokenizer.json").value();
  const Json trained = file("tokenizer.json");
  for (const char* part : {"version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer",
                           "post_processor", "decoder"})
    EXPECT_TRUE(trained[part] == published[part]) << part;
  for (std::size_t id = 0; id <= 106; ++id)
    EXPECT_TRUE(trained["model"]["vocab"][id] == published["model"]["vocab"][id]) << "entry " << id;
  EXPECT_TRUE(file("special_tokens_map.json") ==
              read_json_file(reference / "special_tokens_map.json").value());
}

TEST_F(UnigramTrainer, KeepsDigitsApartAndClinicalSignsKnown) {
  ASSERT_TRUE(train());
  const auto tokenizer = Tokenizer::load(folder());
  ASSERT_TRUE(tokenizer) << tokenizer.error().to_line();
  for (const TokenId id : tokenizer->encode("BP 142/88, 500 mL").ids) {
    const std::string token = tokenizer->id_to_token(id);
    const auto digits =
        std::count_if(token.begin(), token.end(), [](char c) { return c >= '0' && c <= '9'; });
    EXPECT_LE(digits, 1) << token;
  }
  // '~', '^' and '±' do not occur in the training text.
  for (const char* sign : {"~", "^", "\u00B1", "\u2265", "\u2191", "\u00B0"})
    EXPECT_TRUE(tokenizer->token_to_id(sign)) << sign;
}

TEST_F(UnigramTrainer, RefusesWhatCannotBeTrained) {
  UnigramTrainerOptions huge;
  huge.vocab_size = 50'000;
  const auto too_large = train(huge);
  ASSERT_FALSE(too_large);
  EXPECT_EQ(too_large.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(too_large.error().public_message.find("ask for at most"), std::string::npos);
  UnigramTrainerOptions tiny;
  tiny.vocab_size = 120;
  EXPECT_EQ(train(tiny).error().code, ErrorCode::kInvalidArgument);
  const std::vector<std::string> nothing = {"", " \n"};
  EXPECT_EQ(train_unigram(reader_of(nothing), {}, folder()).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(UnigramTrainer, SamplesWhenThereAreMoreSentencesThanAsked) {
  UnigramTrainerOptions options;
  options.max_sentences = 150;
  const auto report = train(options);
  ASSERT_TRUE(report) << report.error().to_line();
  EXPECT_EQ(report->sentences_used, 150U);
  EXPECT_GT(report->sentences_read, 150U);
}

}  // namespace
}  // namespace epicrisis
