#include "summarize/summarizer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <thread>

#include "base/files.hpp"
#include "base/json.hpp"
#include "support/fixtures.hpp"

namespace epicrisis {
namespace {

namespace fs = std::filesystem;

fs::path fixture() { return testing::kept_fixtures_dir() / "pegasus" / "xsum-like"; }

const Summarizer& summarizer() {
  static const auto loaded = Summarizer::load(fixture(), {.threads = 1});
  return *loaded.value();
}

/// A text of the fixture, and what the reference's defaults make of it.
struct Known {
  std::string note;
  std::vector<TokenId> source_ids;
  std::vector<TokenId> ids;
  std::string text;
  double score;
};

std::vector<Known> known_summaries() {
  const Json expected = read_json_file(fixture() / "expected.json").value();
  std::vector<Known> known;
  for (const Json& result : expected["generate"][0]["results"]) {
    const Json& ids = expected["generate_inputs"][result["input"].get<std::size_t>()];
    for (const Json& text : expected["tokenization"]) {
      if (text["ids"] != ids) continue;
      known.push_back({text["text"], ids, result["sequences"][0], result["texts"][0], result["scores"][0]});
      break;
    }
  }
  return known;
}

TEST(Summarizer, SaysWhatTheFolderHolds) {
  EXPECT_EQ(architecture_name_of(read_json_file(fixture() / "config.json").value()),
            "PegasusForConditionalGeneration");
  EXPECT_TRUE(summarizer().is_encoder_decoder());
  EXPECT_EQ(summarizer().defaults().num_beams, 8);
  EXPECT_EQ(summarizer().defaults().length_penalty, 0.6);
  EXPECT_EQ(summarizer().max_source_tokens(), 256);
  EXPECT_EQ(summarizer().card().name, "xsum-like");
}

TEST(Summarizer, GivesTheReferencesSummariesTogetherAndAlone) {
  const std::vector<Known> known = known_summaries();
  ASSERT_GE(known.size(), 2U);
  std::vector<std::string> notes;
  for (const Known& one : known) notes.push_back(one.note);
  const auto together = summarizer().summarize(notes, summarizer().defaults());
  ASSERT_TRUE(together) << together.error().to_line();
  ASSERT_EQ(together->size(), known.size());
  for (std::size_t i = 0; i < known.size(); ++i) {
    EXPECT_EQ(together->at(i).token_ids, known[i].ids);
    EXPECT_EQ(together->at(i).text, known[i].text);
    EXPECT_NEAR(together->at(i).score, known[i].score, 1e-4);
    EXPECT_EQ(together->at(i).source_tokens, static_cast<int>(known[i].source_ids.size()));
    EXPECT_EQ(together->at(i).dropped_tokens, 0);
    const auto alone = summarizer().summarize({&notes[i], 1}, summarizer().defaults());
    EXPECT_EQ(alone->at(0).token_ids, together->at(i).token_ids);
    EXPECT_EQ(alone->at(0).score, together->at(i).score);
  }
}

TEST(Summarizer, CutsALongNoteAndSaysHowMuch) {
  std::string note;
  for (int i = 0; i < 2000; ++i) note += "The patient is stable. ";
  GenerationConfig config = summarizer().defaults();
  config.num_beams = 1;
  const auto summaries = summarizer().summarize({&note, 1}, config);
  ASSERT_TRUE(summaries) << summaries.error().to_line();
  EXPECT_EQ(summaries->at(0).source_tokens, 256);
  EXPECT_GT(summaries->at(0).dropped_tokens, 2000);
}

TEST(Summarizer, CutsTheNoteAndKeepsWhatThePromptPutsBehindIt) {
  const auto loaded = Summarizer::load(fixture(), {.threads = 1, .prompt = "Note: {note} Summary:"});
  ASSERT_TRUE(loaded) << loaded.error().to_line();
  std::string note;
  for (int i = 0; i < 2000; ++i) note += "The patient is stable. ";
  GenerationConfig config = trial_config((*loaded)->defaults());
  const auto summaries = (*loaded)->summarize({&note, 1}, config);
  ASSERT_TRUE(summaries) << summaries.error().to_line();
  EXPECT_LE(summaries->at(0).source_tokens, 256);
  EXPECT_GT(summaries->at(0).source_tokens, 240);
  EXPECT_GT(summaries->at(0).dropped_tokens, 2000);
  const std::string known = "Chest pain since morning.";
  const std::string spelled = "Note: Chest pain since morning. Summary:";
  EXPECT_EQ((*loaded)->summarize({&known, 1}, config)->at(0).token_ids,
            summarizer().summarize({&spelled, 1}, config)->at(0).token_ids);
  EXPECT_FALSE(Summarizer::load(fixture(), {.threads = 1, .prompt = "no place"}));
}

TEST(Summarizer, APromptThatLeavesNoRoomForTheNoteIsRefused) {
  std::string filler;
  for (int i = 0; i < 300; ++i) filler += "stable ";
  const std::string note = "Chest pain since morning.";
  for (const std::string& prompt : {filler + "{note}", "{note} " + filler}) {
    const auto loaded = Summarizer::load(fixture(), {.threads = 1, .prompt = prompt});
    ASSERT_TRUE(loaded) << loaded.error().to_line();
    const auto summaries = (*loaded)->summarize({&note, 1}, trial_config((*loaded)->defaults()));
    ASSERT_FALSE(summaries);
    EXPECT_EQ(summaries.error().code, ErrorCode::kInvalidArgument);
  }
}

TEST(Summarizer, ReturnsAsManySummariesANoteAsAsked) {
  GenerationConfig config = summarizer().defaults();
  config.num_return_sequences = 3;
  const std::vector<std::string> notes = {"Chest pain since morning.", "Fall at home, hip pain."};
  const auto summaries = summarizer().summarize(notes, config);
  ASSERT_TRUE(summaries);
  ASSERT_EQ(summaries->size(), 6U);
  EXPECT_GE(summaries->at(0).score, summaries->at(1).score);
  EXPECT_NE(summaries->at(0).source_tokens, summaries->at(3).source_tokens) << "note after note";
}

TEST(Summarizer, NamesTheNoteThatIsWrongAndNeverQuotesIt) {
  const auto refusal = [](std::vector<std::string> notes) {
    const auto summaries = summarizer().summarize(notes, summarizer().defaults());
    return summaries ? std::string() : summaries.error().to_line();
  };
  EXPECT_EQ(refusal({"fine", " \n"}), "Note 2 of 2 holds nothing but white space.");
  EXPECT_EQ(refusal({""}), "The note is empty.");
  EXPECT_EQ(refusal({"Canary \xFF\x01"}), "The note is not valid UTF-8 (byte 7); convert it to UTF-8.");
}

TEST(Summarizer, RefusesSettingsThatTheModelCannotMeet) {
  const std::string note = "Chest pain.";
  GenerationConfig config = summarizer().defaults();
  config.max_length = 100000;
  const auto summaries = summarizer().summarize({&note, 1}, config);
  ASSERT_FALSE(summaries);
  EXPECT_EQ(summaries.error().code, ErrorCode::kInvalidArgument);
}

TEST(Summarizer, ServesSeveralThreadsAtOnce) {
  const std::vector<Known> known = known_summaries();
  std::vector<std::vector<TokenId>> found(8);
  {
    std::vector<std::jthread> clients;
    for (std::size_t i = 0; i < found.size(); ++i) {
      clients.emplace_back([&, i] {
        const auto summaries =
            summarizer().summarize({&known[i % known.size()].note, 1}, summarizer().defaults());
        if (summaries) found[i] = summaries->at(0).token_ids;
      });
    }
  }
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_EQ(found[i], known[i % known.size()].ids);
}

TEST(Summarizer, RefusesATokenizerOfAnotherModel) {
  const auto folder = TemporaryDirectory::create();
  for (const char* file : {"config.json", "generation_config.json", "model.safetensors"}) {
    fs::copy_file(fixture() / file, folder->path() / file);
  }
  Json tokenizer = read_json_file(fixture() / "tokenizer.json").value();
  Json& vocabulary = tokenizer["model"]["vocab"];
  for (int i = 0; i < 10; ++i) vocabulary.push_back({"extra" + std::to_string(i), -20.0});
  ASSERT_TRUE(write_file_atomically(folder->path() / "tokenizer.json", tokenizer.dump()));
  const auto loaded = Summarizer::load(folder->path(), {.threads = 1});
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, ErrorCode::kCorrupt);
  EXPECT_NE(loaded.error().to_line().find("do not belong together"), std::string::npos);
}

TEST(Summarizer, TakesTheSettingsAndThePrefixOfItsTask) {
  const auto folder = TemporaryDirectory::create();
  for (const char* file : {"tokenizer.json", "model.safetensors"}) {
    fs::copy_file(fixture() / file, folder->path() / file);
  }
  Json config = read_json_file(fixture() / "config.json").value();
  config["task_specific_params"] = {{"summarization", {{"num_beams", 3}, {"prefix", "Summarize: "}}}};
  ASSERT_TRUE(write_file_atomically(folder->path() / "config.json", config.dump()));
  const auto summarizes = Summarizer::load(folder->path(), {.threads = 1});
  const auto generates = Summarizer::load(folder->path(), {.threads = 1, .task = Task::kText2TextGeneration});
  ASSERT_TRUE(summarizes && generates);
  EXPECT_EQ((*summarizes)->defaults().num_beams, 3);
  EXPECT_EQ((*generates)->defaults().num_beams, 8);
  const std::string note = "Chest pain.";
  const std::string prefixed = "Summarize: Chest pain.";
  const GenerationConfig trial = trial_config((*generates)->defaults());
  EXPECT_EQ((*summarizes)->summarize({&note, 1}, trial)->at(0).token_ids,
            (*generates)->summarize({&prefixed, 1}, trial)->at(0).token_ids);
}

TEST(Summarizer, NamesTheFileThatIsMissing) {
  const auto folder = TemporaryDirectory::create();
  const auto loaded = Summarizer::load(folder->path());
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, ErrorCode::kNotFound);
  EXPECT_NE(loaded.error().to_line().find("config.json"), std::string::npos);
}

}  // namespace
}  // namespace epicrisis
