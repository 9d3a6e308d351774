// Tokenizing pairs, and the folder that keeps them.
#include "data/prepare_dataset.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "base/files.hpp"
#include "base/sha256.hpp"
#include "support/fixtures.hpp"
#include "text/tokenizer.hpp"

namespace epicrisis::data {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const Tokenizer& tokenizer() {
  static const Tokenizer kept = [] {
    auto loaded = Tokenizer::load(epicrisis::testing::kept_fixtures_dir() / "pegasus" / "xsum-like");
    EPICRISIS_CHECK(loaded.has_value());
    return *std::move(loaded);
  }();
  return kept;
}

DatasetRow row_of(std::string note, std::string summary) {
  DatasetRow row;
  row.note = std::move(note);
  row.summary = std::move(summary);
  return row;
}

const char* const kLongNote =
    "The patient has a history of pain in the left knee and takes ibuprofen every day.";

TEST(PairEncoder, CutsBothSidesKeepsTheEndOfSequenceAndCountsWhatIsLost) {
  const PairEncoder whole(tokenizer(), {512, 128}, {}), cut(tokenizer(), {8, 4}, {});
  const DatasetRow row = row_of(kLongNote, "Knee pain, ibuprofen daily.");
  const auto all = whole.encode(row), part = cut.encode(row);
  ASSERT_TRUE(all && part);
  EXPECT_EQ(part->pair.source.size(), 8U);
  EXPECT_EQ(part->pair.source.back(), 1);
  EXPECT_EQ(part->pair.target.size(), 4U);
  EXPECT_EQ(part->pair.target.back(), 1);
  EXPECT_EQ(part->dropped_source_tokens, all->pair.source.size() - 8);
  EXPECT_EQ(part->dropped_target_tokens, all->pair.target.size() - 4);
  EXPECT_EQ(all->dropped_source_tokens + all->dropped_target_tokens, 0U);
}

TEST(PairEncoder, AContinuationIsClosedByItsOwnToken) {
  const PairEncoder encoder(tokenizer(), {64, 4}, {.prompt = {"note: ", {}}, .continuation_end = 7});
  const auto encoded = encoder.encode(row_of("Knee pain.", "Knee pain, ibuprofen daily."));
  ASSERT_TRUE(encoded);
  EncodeOptions plain;
  plain.add_special_tokens = false;
  std::vector<TokenId> expected = tokenizer().encode("Knee pain, ibuprofen daily.", plain).ids;
  expected.resize(3);
  expected.push_back(7);
  EXPECT_EQ(encoded->pair.target, expected);
  EXPECT_EQ(encoded->pair.source, tokenizer().encode("note: Knee pain.", plain).ids);
}

TEST(PairEncoder, WhatFollowsTheNoteInThePromptIsNeverCut) {
  const PairEncoder encoder(tokenizer(), {12, 8}, {.prompt = {"", " In short:"}});
  const auto encoded = encoder.encode(row_of(kLongNote, "Knee pain."));
  ASSERT_TRUE(encoded);
  EXPECT_LE(encoded->pair.source.size(), 12U);
  EXPECT_GT(encoded->dropped_source_tokens, 0U);
  EXPECT_THAT(tokenizer().decode(encoded->pair.source), ::testing::EndsWith("In short:"));
}

TEST(PairEncoder, ATextWithoutTokensIsRefused) {
  const PairEncoder encoder(tokenizer(), {12, 8}, {});
  EXPECT_FALSE(encoder.encode(row_of("\u200B", "Knee pain.")));
}

class Prepared : public ::testing::Test {
 protected:
  fs::path path(const std::string& name) const { return folder_.path() / name; }
  DataFile file(const std::string& name, const std::string& content) {
    EXPECT_TRUE(write_file_atomically(path(name), content));
    return {path(name), name};
  }
  /// count rows with notes of their own.
  static std::string csv(std::size_t count, std::size_t first = 0) {
    std::string text = "note,summary\n";
    for (std::size_t i = first; i < first + count; ++i)
      text += "Visit " + std::to_string(i) + " was for knee pain.,Knee pain " + std::to_string(i) + ".\n";
    return text;
  }
  DataRequest request(std::vector<DataFile> train, std::vector<DataFile> validation = {}) {
    DataRequest made;
    made.train_files = std::move(train);
    made.validation_files = std::move(validation);
    made.limits = {64, 16};
    made.tokenizer_sha256 = "fixture";
    return made;
  }
  Result<PreparedDataset> prepare(const DataRequest& wanted) {
    return prepare_dataset(wanted, tokenizer(), path("cache"),
                           [&](std::string_view warning) { warnings_.emplace_back(warning); });
  }
  std::size_t entries() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(path("cache")), fs::directory_iterator()));
  }
  static std::vector<std::string> summaries(const PreparedSplit& split) {
    std::vector<std::string> all;
    for (std::size_t i = 0; i < split.size(); ++i) all.emplace_back(split.summary(i));
    return all;
  }
  TemporaryDirectory folder_ = TemporaryDirectory::create().value();
  std::vector<std::string> warnings_;
};

TEST_F(Prepared, HoldsWhatTheEncoderMakesOfEachRowInOrder) {
  const auto wanted = request({file("a.csv", csv(2000)), file("b.csv", csv(700, 2000))});
  const auto prepared = prepare(wanted);
  ASSERT_TRUE(prepared) << prepared.error().to_line();
  ASSERT_EQ(prepared->train->size(), 2700U);
  EXPECT_EQ(prepared->validation, nullptr);
  const PairEncoder encoder(tokenizer(), wanted.limits, {});
  for (const std::size_t i : {0U, 1U, 1023U, 1024U, 1999U, 2000U, 2699U}) {
    const std::string number = std::to_string(i);
    const std::string summary = "Knee pain " + number + ".";
    const auto expected = encoder.encode(row_of("Visit " + number + " was for knee pain.", summary));
    const TrainingPair pair = prepared->train->example(i, 3);
    EXPECT_EQ(pair.source, expected->pair.source) << i;
    EXPECT_EQ(pair.target, expected->pair.target) << i;
    EXPECT_EQ(prepared->train->length(i), pair.source.size() + pair.target.size());
    EXPECT_EQ(prepared->train->summary(i), summary);
    EXPECT_EQ(prepared->train->row(i).row, i < 2000 ? i + 1 : i - 1999);
    EXPECT_EQ(prepared->train->row(i).file, i < 2000 ? 0U : 1U);
  }
}

TEST_F(Prepared, EqualContentIsTokenizedOnce) {
  const auto wanted = request({file("a.csv", csv(5))});
  ASSERT_TRUE(prepare(wanted));
  const auto written = fs::last_write_time(prepare(wanted)->folder / "dataset.json");
  EXPECT_EQ(fs::last_write_time(prepare(wanted)->folder / "dataset.json"), written);
  EXPECT_EQ(entries(), 1U);
  ASSERT_TRUE(prepare(request({file("a.csv", csv(6))})));
  DataRequest shorter = wanted;
  shorter.limits.max_source_tokens = 32;
  ASSERT_TRUE(prepare(shorter));
  EXPECT_EQ(entries(), 3U);
  EXPECT_THAT(warnings_, IsEmpty());
  EXPECT_EQ(fs::status(path("cache")).permissions(), fs::perms::owner_all);
}

TEST_F(Prepared, ADamagedFolderIsMadeAgain) {
  const auto wanted = request({file("a.csv", csv(5))}, {file("b.csv", csv(2, 5))});
  const fs::path made = prepare(wanted)->folder;
  for (const char* name : {"train.rows", "train.tokens", "train.texts", "validation.rows",
                           "validation.tokens", "dataset.json"}) {
    const std::string good = read_file(made / name).value();
    std::string altered = good;
    altered[altered.size() / 2] = static_cast<char>(altered[altered.size() / 2] ^ 0x40);
    const bool is_json = std::string_view(name) == "dataset.json";
    for (const std::string& bad : {is_json ? "{" : altered, good.substr(0, good.size() - 8), std::string()}) {
      ASSERT_TRUE(write_file_atomically(made / name, bad));
      warnings_.clear();
      const auto again = prepare(wanted);
      ASSERT_TRUE(again) << again.error().to_line();
      EXPECT_EQ(warnings_.size(), 1U) << name;
      EXPECT_EQ(read_file(made / name).value(), good) << name;
    }
    fs::remove(made / name);
    EXPECT_TRUE(prepare(wanted)) << name;
  }
  EXPECT_EQ(entries(), 1U) << "nothing is left beside it";
}

TEST_F(Prepared, RowsThatPointOutsideAreRefusedThoughTheirChecksumIsRight) {
  const fs::path made = prepare(request({file("a.csv", csv(3))}))->folder;
  const std::string good = read_file(made / "train.rows").value();
  const Json description = *read_json_file(made / "dataset.json");
  const auto with = [&](std::size_t offset, std::uint64_t value) {
    std::string rows = good;
    std::memcpy(rows.data() + offset, &value, sizeof value);
    Json altered = description;
    altered["splits"]["train"]["rows_sha256"] = Sha256().update(rows).hex();
    EXPECT_TRUE(write_file_atomically(made / "train.rows", rows));
    EXPECT_TRUE(write_file_atomically(made / "dataset.json", altered.dump()));
    return PreparedDataset::open(made);
  };
  EXPECT_TRUE(with(16, 99)) << "a row number may be any";
  for (const std::size_t offset : {0U, 8U, 40U, 44U, 56U})
    for (const std::uint64_t value : {std::uint64_t{1} << 31, ~std::uint64_t{0}})
      EXPECT_FALSE(with(offset, value)) << offset << ' ' << value;
}

TEST_F(Prepared, AnotherFormatIsRefusedByItsNumber) {
  const fs::path made = prepare(request({file("a.csv", csv(3))}))->folder;
  Json description = *read_json_file(made / "dataset.json");
  description["epicrisis_prepared_data"] = 99;
  ASSERT_TRUE(write_file_atomically(made / "dataset.json", description.dump()));
  const auto opened = PreparedDataset::open(made);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(opened.error().public_message, HasSubstr("format 99"));
}

TEST_F(Prepared, RowsThatCannotBeUsedAreListedAndTheOthersKept) {
  const auto prepared =
      prepare(request({file("a.csv",
                            "note,summary\nCanary one.,Fine.\n,Canary\nCanary,\nCanary \xE9,x\n"
                            "Canary,too,many\nCanary two.,Fine, too\nCanary three.,Good.\n"),
                       file("b.jsonl",
                            "{\"note\":\"Canary four.\",\"summary\":\"Good.\"}\nCanary\n"
                            "{\"note\":\"Canary\"}\n[1]\n{\"note\":\"\xFF\",\"summary\":\"x\"}\n")}));
  ASSERT_TRUE(prepared) << prepared.error().to_line();
  EXPECT_THAT(summaries(*prepared->train), ElementsAre("Fine.", "Good.", "Good."));
  const std::string list = read_file(prepared->folder / "skipped_rows.csv").value();
  for (const char* line :
       {"train,a.csv,2,field 'note' is empty", "train,a.csv,3,field 'summary' is empty",
        "train,a.csv,4,\"field 1: not valid UTF-8", "train,a.csv,5,3 fields where the header has 2",
        "train,a.csv,6,3 fields", "train,b.jsonl,2,not valid JSON (at byte 1)",
        "train,b.jsonl,3,no member 'summary'", "train,b.jsonl,4,not a JSON object",
        "train,b.jsonl,5,\"not valid UTF-8"})
    EXPECT_THAT(list, HasSubstr(line));
  const Json& statistics = prepared->description["statistics"];
  EXPECT_EQ(statistics["train"]["rows"], 3);
  EXPECT_EQ(statistics["train"]["skipped"]["rows"], 9);
  EXPECT_EQ(statistics["train"]["skipped"]["first"].size(), 5U);
  EXPECT_THAT(list + prepared->description.dump(), Not(HasSubstr("Canary")));
}

TEST_F(Prepared, ASplitWithoutUsableRowsIsAnErrorAndLeavesNothing) {
  const auto prepared = prepare(request({file("a.csv", "note,summary\nCanary,\n")}));
  ASSERT_FALSE(prepared);
  EXPECT_EQ(exit_code(prepared.error()), 2);
  EXPECT_THAT(prepared.error().to_line(), HasSubstr("'a.csv' row 1: field 'summary' is empty"));
  EXPECT_THAT(prepared.error().to_line(), Not(HasSubstr("Canary")));
  EXPECT_EQ(entries(), 0U);
  EXPECT_FALSE(prepare(request({file("a.csv", "note,summary\nopen,\"quote\n")}))) << "no later row is known";
}

TEST_F(Prepared, RepeatedAndSharedRowsAreCountedAndListed) {
  const auto prepared =
      prepare(request({file("a.csv", "note,summary\nPain.,A\nCough.,B\n Pain. ,A\nPain.,C\n")},
                      {file("b.csv", "note,summary\nFall.,D\nPain.,C\nFall.,D\nCough.,E\n")}));
  ASSERT_TRUE(prepared) << prepared.error().to_line();
  const Json& statistics = prepared->description["statistics"];
  EXPECT_EQ(statistics["train"]["duplicates"]["rows"], 2);
  EXPECT_EQ(statistics["train"]["duplicates"]["rows_with_same_summary"], 1);
  EXPECT_EQ(statistics["validation"]["duplicates"]["rows"], 1);
  EXPECT_EQ(statistics["shared"]["rows"], 2);
  EXPECT_EQ(statistics["validation"]["files"][0]["name"], "b.csv");
  EXPECT_EQ(statistics["validation"]["files"][0]["sha256"],
            Sha256().update(read_file(path("b.csv")).value()).hex());
  EXPECT_EQ(statistics["shared"]["rows_with_same_summary"], 1);
  EXPECT_EQ(read_file(prepared->folder / "duplicate_rows.csv").value(),
            "split,file,row,same,of_split,of_file,of_row\r\n"
            "train,a.csv,3,note and summary,train,a.csv,1\r\n"
            "train,a.csv,4,note,train,a.csv,1\r\n"
            "validation,b.csv,3,note and summary,validation,b.csv,1\r\n"
            "validation,b.csv,2,note and summary,train,a.csv,4\r\n"
            "validation,b.csv,4,note,train,a.csv,2\r\n");
}

TEST_F(Prepared, LengthsAreCountedBeforeAndAfterTheCut) {
  const auto data = file("a.csv", csv(99) + std::string(kLongNote) + ",Knee pain.\n");
  DataRequest wanted = request({data});
  const Json whole = prepare(wanted)->description["statistics"]["train"]["source_tokens"];
  wanted.limits.max_source_tokens = 12;
  const Json cut = prepare(wanted)->description["statistics"]["train"]["source_tokens"];
  for (const char* name : {"total", "mean", "min", "p25", "p50", "p75", "p90", "p99", "max"})
    EXPECT_EQ(cut[name], whole[name]) << name;
  EXPECT_EQ(whole["truncated_rows"], 0);
  EXPECT_GE(cut["truncated_rows"], 1);
  EXPECT_GE(cut["truncated_tokens"], whole["max"].get<int>() - 12);
}

TEST_F(Prepared, AShareOfTheRowsIsSetAsideByTheirTextAlone) {
  std::string all = csv(200), reversed = "note,summary\n";
  std::vector<std::string> lines;
  for (std::size_t begin = all.find('\n') + 1; begin < all.size(); begin = all.find('\n', begin) + 1)
    lines.push_back(all.substr(begin, all.find('\n', begin) + 1 - begin));
  for (auto line = lines.rbegin(); line != lines.rend(); ++line) reversed += *line;
  const auto chosen = [&](const std::string& content, std::uint64_t seed) {
    DataRequest wanted = request({file("a.csv", content)});
    wanted.validation_percentage = 10;
    wanted.split_seed = seed;
    const auto prepared = prepare(wanted);
    EXPECT_TRUE(prepared) << prepared.error().to_line();
    EXPECT_EQ(prepared->train->size() + prepared->validation->size(), content == all ? 200U : 200U);
    std::vector<std::string> texts = summaries(*prepared->validation);
    std::sort(texts.begin(), texts.end());
    return texts;
  };
  const auto first = chosen(all, 1);
  EXPECT_EQ(first.size(), 20U);
  EXPECT_EQ(chosen(reversed, 1), first);
  EXPECT_NE(chosen(all, 2), first);
}

TEST_F(Prepared, EqualNotesAreNeverPartedAndLimitsHoldForEachSide) {
  const std::string twice = csv(100) + csv(100).substr(std::string("note,summary\n").size());
  DataRequest wanted = request({file("a.csv", twice)});
  wanted.validation_percentage = 25;
  const auto prepared = prepare(wanted);
  ASSERT_TRUE(prepared);
  EXPECT_EQ(prepared->description["statistics"]["shared"]["rows"], 0);
  EXPECT_EQ(prepared->validation->size(), 50U);
  wanted.max_train_rows = 7;
  wanted.max_validation_rows = 3;
  const auto limited = prepare(wanted);
  ASSERT_TRUE(limited);
  EXPECT_EQ(limited->train->size(), 7U);
  EXPECT_EQ(limited->validation->size(), 3U);
}

TEST(TokenizerHash, ChangesWithAnyFileOfTheTokenizer) {
  const auto folder = TemporaryDirectory::create().value();
  EXPECT_EQ(tokenizer_sha256(folder.path()).error().code, ErrorCode::kNotFound);
  ASSERT_TRUE(write_file_atomically(folder.path() / "tokenizer.json", "{}"));
  const std::string first = tokenizer_sha256(folder.path()).value();
  ASSERT_TRUE(write_file_atomically(folder.path() / "tokenizer_config.json", "{}"));
  EXPECT_NE(tokenizer_sha256(folder.path()).value(), first);
}

}  // namespace
}  // namespace epicrisis::data
