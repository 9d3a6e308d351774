#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "base/files.hpp"
#include "base/json.hpp"
#include "support/fixtures.hpp"
#include "support/subprocess.hpp"

namespace epicrisis {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using testing::ProcessOptions;
using testing::ProcessOutcome;
using ::testing::StartsWith;

/// `epicrisis summarize` on the kept Pegasus checkpoint, with files in a folder of its own.
class SummarizeCommand : public ::testing::Test {
 protected:
  std::string file(const std::string& name, const std::string& content) {
    EXPECT_TRUE(write_file_atomically(folder_.path() / name, content));
    return name;
  }

  ProcessOutcome run(std::vector<std::string> arguments, ProcessOptions options = {}) {
    const auto model = testing::kept_fixtures_dir() / "pegasus" / "xsum-like";
    std::vector<std::string> command = {EPICRISIS_PROGRAM, "summarize"};
    if (std::find(arguments.begin(), arguments.end(), "--model") == arguments.end()) {
      command.insert(command.end(), {"--model", model.string()});
    }
    command.insert(command.end(), arguments.begin(), arguments.end());
    options.working_directory = folder_.path();
    return testing::run_process(command, options);
  }

  /// Expects exactly one line on standard error, nothing on standard output, and the exit code.
  static void expect_refusal(const ProcessOutcome& outcome, int exit_code, const std::string& what) {
    EXPECT_EQ(outcome.exit_code, exit_code);
    EXPECT_EQ(outcome.output, "");
    EXPECT_EQ(std::count(outcome.errors.begin(), outcome.errors.end(), '\n'), 1) << outcome.errors;
    EXPECT_THAT(outcome.errors, StartsWith("epicrisis: "));
    EXPECT_THAT(outcome.errors, HasSubstr(what));
  }

  TemporaryDirectory folder_ = TemporaryDirectory::create().value();
};

const char* const kNote = "Pt c/o chest pain since this morning, radiating to left arm. Aspirin given.";

TEST_F(SummarizeCommand, PrintsTheSummaryOfAFile) {
  const ProcessOutcome outcome = run({file("note.txt", kNote)});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.errors;
  EXPECT_EQ(std::count(outcome.output.begin(), outcome.output.end(), '\n'), 1);
  EXPECT_GT(outcome.output.size(), 1U);
  EXPECT_EQ(outcome.errors, "");
}

TEST_F(SummarizeCommand, ReadsStandardInput) {
  const ProcessOutcome from_file = run({file("note.txt", kNote)});
  EXPECT_EQ(run({"-"}, {.input = kNote}).output, from_file.output);
  EXPECT_EQ(run({}, {.input = kNote}).output, from_file.output);
}

TEST_F(SummarizeCommand, WritesOneJsonObjectALine) {
  const ProcessOutcome outcome = run({"--json", "--num_beams=2", file("note.txt", kNote)});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.errors;
  const auto line = parse_json(outcome.output, "output");
  ASSERT_TRUE(line) << outcome.output;
  EXPECT_EQ((*line)["file"], "note.txt");
  EXPECT_TRUE((*line)["summary"].is_string());
  EXPECT_GE((*line)["token_ids"].size(), 2U);
  EXPECT_LT((*line)["score"].get<double>(), 0);
  EXPECT_GT((*line)["source_tokens"].get<int>(), 10);
  EXPECT_EQ((*line)["dropped_tokens"], 0);
  EXPECT_GT((*line)["seconds"].get<double>(), 0);
  EXPECT_EQ((*line)["model"]["name"], "xsum-like");
  EXPECT_TRUE((*line)["model"].contains("trained_for"));
}

TEST_F(SummarizeCommand, OptionsReachTheSearch) {
  const auto ids = [&](std::vector<std::string> options) {
    options.insert(options.end(), {"--json", file("note.txt", kNote)});
    const ProcessOutcome outcome = run(options);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.errors;
    return parse_json(outcome.output, "output").value()["token_ids"].get<std::vector<int>>();
  };
  EXPECT_EQ(ids({"--max-length", "7"}).size(), 7U);
  EXPECT_EQ(ids({"--max-new-tokens", "7", "--min-new-tokens", "7"}).size(), 8U);
  const std::vector<int> plain = ids({"--num-beams", "1"});
  const std::string second = std::to_string(plain.at(1));
  EXPECT_NE(ids({"--num-beams", "1", "--bad-words-ids", "[[" + second + "]]"}).at(1), plain.at(1));
  EXPECT_NE(ids({"--num-beams", "1", "--suppress-tokens", second + ",5"}).at(1), plain.at(1));
  EXPECT_NE(ids({"--num-beams", "1", "--begin-suppress-tokens", "[" + second + "]"}).at(1), plain.at(1));
  EXPECT_EQ(ids({"--num-beams", "1", "--forced-bos-token-id", "117"}).at(1), 117);
  EXPECT_EQ(ids({"--num-beams", "1", "--eos-token-id", "1," + second}).size(), 2U);
  EXPECT_EQ(ids({"--do-sample=false", "--num-beams", "1"}), plain);
  EXPECT_EQ(ids({"--do-sample", "--num-beams", "3", "--seed", "3"}),
            ids({"--do-sample", "--num-beams", "3", "--seed", "3"}));
  EXPECT_EQ(ids({"--do-sample", "--num-beams", "1", "--seed", "3"}),
            ids({"--do-sample", "--num-beams", "1", "--seed", "3"}));
}

TEST_F(SummarizeCommand, HeadsEachOfSeveralFiles) {
  const ProcessOutcome outcome = run({file("a.txt", kNote), file("b.txt", kNote)});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.output, StartsWith("==> a.txt <==\n"));
  EXPECT_THAT(outcome.output, HasSubstr("\n==> b.txt <==\n"));
}

TEST_F(SummarizeCommand, GoesOnAfterAFileThatFails) {
  const ProcessOutcome outcome =
      run({"--json", file("empty.txt", ""), "absent.txt", file("good.txt", kNote)});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.output, HasSubstr("\"good.txt\""));
  EXPECT_THAT(outcome.errors, HasSubstr("epicrisis: 'empty.txt' is empty.\n"));
  EXPECT_THAT(outcome.errors, HasSubstr("absent.txt"));
  EXPECT_EQ(std::count(outcome.errors.begin(), outcome.errors.end(), '\n'), 2) << outcome.errors;
}

TEST_F(SummarizeCommand, CutsAVeryLongNoteAndSaysSo) {
  std::string note;
  for (int i = 0; i < 10'000; ++i) note += "Pt remains stable overnight. ";
  const ProcessOutcome outcome = run({"--json", "--num-beams", "1", file("long.txt", note)});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.errors;
  const Json line = parse_json(outcome.output, "output").value();
  EXPECT_EQ(line["source_tokens"], 256);
  EXPECT_GT(line["dropped_tokens"].get<int>(), 40'000);
  EXPECT_THAT(outcome.errors, StartsWith("epicrisis: 'long.txt' is longer than the model reads: " +
                                         std::to_string(line["dropped_tokens"].get<int>()) + " of "));
}

TEST_F(SummarizeCommand, RefusesAFileThatIsNoSingleNote) {
  std::string words;
  for (int i = 0; i < 200'000; ++i) words += "pain ";
  expect_refusal(run({file("words.txt", words)}), 2, "'words.txt' is 1000000 bytes long, and no single note");
}

TEST_F(SummarizeCommand, RefusesNotesThatAreNoText) {
  expect_refusal(run({file("a.txt", "")}), 2, "'a.txt' is empty.");
  expect_refusal(run({"-"}, {.input = " \n\t"}), 2, "Standard input holds nothing but white space.");
  expect_refusal(run({file("b.txt", "Pt \x01 stable \xFF")}), 2,
                 "'b.txt' is not valid UTF-8 (byte 12); convert it to UTF-8.");
  expect_refusal(run({file("c.txt", "T 38.5\xB0 at noon")}), 2,
                 "'c.txt' is not valid UTF-8 (byte 6); it looks like WINDOWS-1252: convert it with 'iconv -f "
                 "WINDOWS-1252 -t UTF-8'.");
}

TEST_F(SummarizeCommand, RefusesWhatIsNotThere) {
  expect_refusal(run({"absent.txt"}), 2, "absent.txt");
  expect_refusal(run({"--model", "no-such-model", file("a.txt", kNote)}), 2, "no-such-model");
}

TEST_F(SummarizeCommand, RefusesWrongOptions) {
  const std::string note = file("a.txt", kNote);
  expect_refusal(run({"--num-beem", "4", note}), 2, "did you mean '--num-beams'?");
  expect_refusal(run({"--bad-words-ids", "[[3],4]", note}), 2, "'bad_words_ids' must be a list of non-empty");
  expect_refusal(run({"--suppress-tokens", "3,x", note}), 2,
                 "'suppress_tokens' must be a list of token ids.");
  expect_refusal(run({"--forced-bos-token-id", "99999", note}), 2, "'forced_bos_token_id' is 99999");
  expect_refusal(run({"--prompt", "no place", note}), 2, "'{note}' once");
  expect_refusal(run({"--num-beams", "many", note}), 2, "'num_beams' must be a whole number.");
  expect_refusal(run({"--num-beams", "0", note}), 2, "'num_beams' is 0 but must be from 1 to 256.");
  expect_refusal(run({"--min-length", "50", "--max-length", "20", note}), 2, "(50) passes the longest (20)");
  expect_refusal(run({"--max-length", "5000", note}), 2, "passes the 256 positions");
  expect_refusal(run({"--dtype", "fp7", note}), 2, "--dtype must be");
  expect_refusal(run({"-", "-"}, {.input = kNote}), 2, "one note only");
}

TEST_F(SummarizeCommand, SaysThatTheDiskIsFull) {
  const ProcessOutcome outcome = run({file("a.txt", kNote)}, {.output_file = "/dev/full"});
  expect_refusal(outcome, 1, "standard output");
}

TEST_F(SummarizeCommand, ShowsItsOptions) {
  const ProcessOutcome outcome = run({"--help"});
  EXPECT_EQ(outcome.exit_code, 0);
  for (const char* option : {"--num-beams", "--length-penalty", "--json", "--threads", "--seed"}) {
    EXPECT_THAT(outcome.output, HasSubstr(option));
  }
}

}  // namespace
}  // namespace epicrisis
