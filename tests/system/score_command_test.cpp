#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <sstream>
#include <string>
#include <vector>

#include "base/files.hpp"
#include "base/json.hpp"
#include "support/fixtures.hpp"
#include "support/subprocess.hpp"

namespace epicrisis {
namespace {

using ::testing::HasSubstr;
using testing::ProcessOutcome;
using ::testing::StartsWith;

/// `epicrisis score` on the kept Pegasus checkpoint.
class ScoreCommand : public ::testing::Test {
 protected:
  ProcessOutcome run(const std::string& csv, std::vector<std::string> options = {}) {
    EXPECT_TRUE(write_file_atomically(folder_.path() / "data.csv", csv));
    const auto model = testing::kept_fixtures_dir() / "pegasus" / "xsum-like";
    std::vector<std::string> command = {EPICRISIS_PROGRAM, "score",  "--model",
                                        model.string(),    "--data", "data.csv"};
    command.insert(command.end(), options.begin(), options.end());
    return testing::run_process(command, {.working_directory = folder_.path()});
  }

  static std::vector<Json> lines(const ProcessOutcome& outcome) {
    EXPECT_EQ(outcome.exit_code, 0) << outcome.errors;
    std::vector<Json> parsed;
    std::istringstream stream(outcome.output);
    for (std::string line; std::getline(stream, line);) parsed.push_back(parse_json(line, "output").value());
    return parsed;
  }

  TemporaryDirectory folder_ = TemporaryDirectory::create().value();
};

const char* const kRows =
    "note,summary\r\nChest pain since morning.,Chest pain.\r\n\"Fall at home, hip pain.\",Fall with hip "
    "pain.\r\n";

TEST_F(ScoreCommand, ComputesInTheTypeAskedFor) {
  const double wide = lines(run(kRows, {"--json"})).back()["total"]["loss"].get<double>();
  for (const char* type : {"bf16", "int8"}) {
    const double narrow =
        lines(run(kRows, {"--json", "--dtype", type})).back()["total"]["loss"].get<double>();
    EXPECT_NE(narrow, wide) << type;
    EXPECT_NEAR(narrow, wide, 0.05 * wide) << type;
  }
  EXPECT_EQ(run(kRows, {"--dtype", "int4"}).exit_code, 2);
}

TEST_F(ScoreCommand, WritesOneJsonObjectARowAndTheTotals) {
  const std::vector<Json> found = lines(run(kRows, {"--json"}));
  ASSERT_EQ(found.size(), 3U);
  double log_prob = 0;
  int tokens = 0;
  for (int row = 0; row < 2; ++row) {
    const Json& line = found[static_cast<std::size_t>(row)];
    EXPECT_EQ(line["row"], row + 1);
    EXPECT_NEAR(line["loss"].get<double>() * line["tokens"].get<int>(), -line["log_prob"].get<double>(),
                1e-9);
    log_prob += line["log_prob"].get<double>();
    tokens += line["tokens"].get<int>();
  }
  const Json& total = found[2]["total"];
  EXPECT_EQ(total["rows"], 2);
  EXPECT_EQ(total["tokens"], tokens);
  EXPECT_NEAR(total["log_prob"].get<double>(), log_prob, 1e-9);
  EXPECT_NEAR(total["perplexity"].get<double>(), std::exp(-log_prob / tokens),
              1e-6 * std::exp(-log_prob / tokens));
}

TEST_F(ScoreCommand, RowsDoNotDependOnEachOther) {
  std::string csv = kRows;
  for (int i = 0; i < 150; ++i)
    csv += "Note " + std::to_string(i) + " with some pain.,Pain " + std::to_string(i) + ".\r\n";
  const std::vector<Json> many = lines(run(csv, {"--json"}));
  ASSERT_EQ(many.size(), 153U);
  EXPECT_EQ(many[0], lines(run(kRows, {"--json"}))[0]);
  EXPECT_EQ(many[151]["row"], 152);
}

TEST_F(ScoreCommand, PrintsATableAndTakesOtherColumns) {
  const ProcessOutcome outcome =
      run("text,gold\nPain.,Pain.\n", {"--note-column", "text", "--summary-column", "gold"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.errors;
  EXPECT_THAT(outcome.output, StartsWith("row\tloss\ttokens\tlog_prob\n1\t"));
  EXPECT_THAT(outcome.output, HasSubstr("\ntotal\t"));
  EXPECT_THAT(outcome.output, HasSubstr("\n1 rows, perplexity "));
}

TEST_F(ScoreCommand, NamesTheRowThatIsWrongAfterThoseBeforeIt) {
  const ProcessOutcome outcome = run(std::string(kRows) + "Canary,\" \"\r\n", {"--json"});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_EQ(outcome.errors, "epicrisis: 'data.csv', row 3: the summary holds nothing but white space.\n");
  EXPECT_THAT(outcome.output, HasSubstr("\"row\":2"));
  EXPECT_THAT(outcome.output, ::testing::Not(HasSubstr("total")));
}

TEST_F(ScoreCommand, RefusesFilesItCannotScore) {
  EXPECT_EQ(run("note\nPain.\n").exit_code, 2);
  EXPECT_THAT(run("note,summary\n").errors, HasSubstr("holds no row to score"));
  EXPECT_EQ(run("note,summary\nPain.,a,b\n").exit_code, 2);
}

}  // namespace
}  // namespace epicrisis
