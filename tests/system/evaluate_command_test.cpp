#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/files.hpp"
#include "base/json.hpp"
#include "support/fixtures.hpp"
#include "support/subprocess.hpp"

namespace epicrisis {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing::ProcessOutcome;
using ::testing::StartsWith;

const char* const kData =
    "id,note,summary,ward\n"
    "n1,\"Chest pain since morning. Aspirin given. Troponin pending.\",Chest pain,B\n"
    "n2,Fell at home. Left hip is sore.,\"Fall, hip pain\",A\n"
    "n3,Cough and fever for two days. Chest clear.,Cough and fever,B\n";
const char* const kTraining =
    "note,summary\n"
    "fever and cough,Fever\n"
    "pain in the chest,Chest pain\n"
    "chest pain at rest,Chest pain at rest\n";

/// `epicrisis evaluate` in a folder of its own.
class EvaluateCommand : public ::testing::Test {
 protected:
  std::string file(const std::string& name, const std::string& content) {
    EXPECT_TRUE(write_file_atomically(folder_.path() / name, content));
    return name;
  }

  ProcessOutcome run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {EPICRISIS_PROGRAM, "evaluate"});
    testing::ProcessOptions options;
    options.working_directory = folder_.path();
    return testing::run_process(arguments, options);
  }

  ProcessOutcome run_model(std::vector<std::string> arguments) {
    const auto model = testing::kept_fixtures_dir() / "pegasus" / "xsum-like";
    arguments.insert(arguments.end(), {"--model", model.string()});
    return run(std::move(arguments));
  }

  static Json rows(const ProcessOutcome& outcome) {
    EXPECT_EQ(outcome.exit_code, 0) << outcome.errors;
    const auto json = parse_json(outcome.output, "output");
    EXPECT_TRUE(json) << outcome.output;
    return json ? json->at("rows") : Json::array();
  }

  TemporaryDirectory folder_ = TemporaryDirectory::create().value();
};

TEST_F(EvaluateCommand, ScoresAModelBesideEveryBaseline) {
  const Json table =
      rows(run_model({"--data", file("data.csv", kData), "--train-data", file("train.csv", kTraining),
                      "--num-beams", "2", "--max_length", "12", "--json"}));
  ASSERT_EQ(table.size(), 6U);
  const char* const systems[] = {"xsum-like",           "copy of the note", "first sentence",
                                 "first two sentences", "best constant",    "nearest note"};
  for (std::size_t i = 0; i < table.size(); ++i) {
    EXPECT_EQ(table[i].at("system"), systems[i]);
    EXPECT_EQ(table[i].at("stratum"), "overall");
    EXPECT_EQ(table[i].at("notes"), 3);
    const auto& rouge = table[i].at("rougeL");
    EXPECT_LE(rouge.at("ci95")[0], rouge.at("f"));
    EXPECT_GE(rouge.at("ci95")[1], rouge.at("f"));
  }
  EXPECT_GT(table[0].at("seconds_per_note"), 0);
  EXPECT_LE(table[0].at("generated_tokens"), 11) << "--max_length counts the start token";
  // The constant is "Chest pain": all of the first reference, one word of three of the second, none of the
  // third.
  EXPECT_DOUBLE_EQ(table[4].at("rouge1").at("r").get<double>(), 44.4444);
}

TEST_F(EvaluateCommand, GivesATableForEachStratum) {
  const ProcessOutcome outcome =
      run({"--data", file("data.csv", kData), "--baselines-only", "--stratify-by", "ward"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.errors;
  EXPECT_THAT(outcome.output, StartsWith("overall (3 notes)"));
  EXPECT_THAT(outcome.output, HasSubstr("\nA (1 note)"));
  EXPECT_THAT(outcome.output, HasSubstr("\nB (2 notes)"));
  EXPECT_THAT(outcome.output, Not(HasSubstr("best constant"))) << "needs --train-data";
}

TEST_F(EvaluateCommand, PredictionsAreScoredAgainWithoutTheModel) {
  const std::string data = file("data.csv", kData);
  const Json first = rows(run_model({"--data", data, "--predictions", "out.csv", "--json"}));
  const Json again = rows(run({"--data", data, "--system-output", "out.csv", "--json"}));
  EXPECT_EQ(again[0].at("system"), "out");
  for (const char* metric : {"rouge1", "rouge2", "rougeL", "rougeLsum"}) {
    EXPECT_EQ(again[0].at(metric), first[0].at(metric));
  }
  const std::string written = read_file(folder_.path() / "out.csv").value();
  EXPECT_THAT(written, StartsWith("id,prediction,reference\r\nn1,"));
  EXPECT_THAT(written, Not(HasSubstr("Troponin"))) << "the note itself is not written";
}

TEST_F(EvaluateCommand, ABatchOfOneGivesTheSameScores) {
  const std::string data = file("data.csv", kData);
  Json one = rows(run_model({"--data", data, "--batch-size", "1", "--json"}));
  Json all = rows(run_model({"--data", data, "--json"}));
  one[0].erase("seconds_per_note");
  all[0].erase("seconds_per_note");
  EXPECT_EQ(one, all);
}

struct BadUse {
  const char* name;
  std::string data;
  std::vector<std::string> options;
  std::string expected;
};

class EvaluateFault : public EvaluateCommand, public ::testing::WithParamInterface<BadUse> {};

TEST_P(EvaluateFault, IsOneLineAndExitCodeTwo) {
  std::vector<std::string> arguments = {"--data", file("data.csv", GetParam().data)};
  arguments.insert(arguments.end(), GetParam().options.begin(), GetParam().options.end());
  const ProcessOutcome outcome = run(arguments);
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_EQ(outcome.output, "");
  EXPECT_EQ(std::count(outcome.errors.begin(), outcome.errors.end(), '\n'), 1) << outcome.errors;
  EXPECT_THAT(outcome.errors, StartsWith("epicrisis: "));
  EXPECT_THAT(outcome.errors, HasSubstr(GetParam().expected));
  EXPECT_THAT(outcome.errors, Not(HasSubstr("Canary")));
}

const std::string kGood = "note,summary\nCanary fell,fall\n";
INSTANTIATE_TEST_SUITE_P(
    Inputs, EvaluateFault,
    ::testing::Values(
        BadUse{"empty_file", "", {"--baselines-only"}, "'data.csv' is empty"},
        BadUse{"missing_column", "note,text\nCanary,x\n", {"--baselines-only"}, "no column 'summary'"},
        BadUse{"unclosed_quote",
               "note,summary\n\"Canary\n",
               {"--baselines-only"},
               "row 1, field 1: the field's opening"},
        BadUse{"field_count",
               "note,summary\nCanary\n",
               {"--baselines-only"},
               "row 1: 1 field where the header has 2"},
        BadUse{
            "windows_1252", "note,summary\nCanary \x92s,x\n", {"--baselines-only"}, "iconv -f WINDOWS-1252"},
        BadUse{"nul", std::string("note,summary\nCanary\0,x\n", 23), {"--baselines-only"}, "a NUL byte"},
        BadUse{
            "empty_note", "note,summary\n ,Canary\n", {"--baselines-only"}, "row 1: field 'note' is empty"},
        BadUse{"stratum", kGood, {"--baselines-only", "--stratify-by", "ward"}, "no column 'ward'"},
        BadUse{"no_model", kGood, {"--model", "no-such-model"}, "no-such-model"},
        BadUse{"negative", kGood, {"--max-samples", "-3"}, "--max-samples: Value -3 not in range"},
        BadUse{"contradiction", kGood, {"--model", "m", "--baselines-only"}, "leave out --model"},
        BadUse{"nothing_to_write", kGood, {"--baselines-only", "--predictions", "p.csv"}, "give --model"},
        BadUse{"unwritable", kGood, {"--predictions", "none/p.csv"}, "Cannot write 'none/p.csv'"},
        BadUse{"missing_file", kGood, {"--train-data", "none.csv"}, "Cannot open 'none.csv'"}),
    [](const auto& tested) { return std::string(tested.param.name); });

}  // namespace
}  // namespace epicrisis
