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

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using testing::ProcessOutcome;

/// `epicrisis inspect` and `convert` of the kept checkpoints, in a folder of their own.
class InspectCommand : public ::testing::Test {
 protected:
  ProcessOutcome run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), EPICRISIS_PROGRAM);
    testing::ProcessOptions options;
    options.working_directory = folder_.path();
    return testing::run_process(arguments, options);
  }
  static void expect_refusal(const ProcessOutcome& outcome, int exit_code, const std::string& what) {
    EXPECT_EQ(outcome.exit_code, exit_code);
    EXPECT_EQ(outcome.output, "");
    EXPECT_EQ(std::count(outcome.errors.begin(), outcome.errors.end(), '\n'), 1) << outcome.errors;
    EXPECT_THAT(outcome.errors, HasSubstr(what));
  }
  static std::string kept() { return (testing::kept_fixtures_dir() / "pegasus" / "xsum-like").string(); }

  TemporaryDirectory folder_ = TemporaryDirectory::create().value();
};

TEST_F(InspectCommand, PrintsTextOrOneJsonObject) {
  const ProcessOutcome text = run({"inspect", kept()});
  EXPECT_EQ(text.exit_code, 0) << text.errors;
  EXPECT_THAT(text.output, HasSubstr("PegasusForConditionalGeneration"));
  EXPECT_THAT(text.output, HasSubstr("Unigram"));
  const ProcessOutcome json = run({"inspect", kept(), "--json"});
  EXPECT_EQ(json.exit_code, 0) << json.errors;
  EXPECT_EQ(std::count(json.output.begin(), json.output.end(), '\n'), 1);
  const Json inspection = parse_json(json.output, "output").value();
  EXPECT_EQ(inspection.at("family"), "pegasus");
  EXPECT_EQ(inspection.at("architecture").at("d_model"), 48);
  EXPECT_TRUE(inspection.at("problems").empty());
}

TEST_F(InspectCommand, RefusesInOneLine) {
  expect_refusal(run({"inspect", "nosuch"}), 2, "nosuch");
  fs::create_directory(folder_.path() / "empty");
  expect_refusal(run({"inspect", "empty"}), 2, "config.json");
}

TEST_F(InspectCommand, ConvertsThereAndBack) {
  const ProcessOutcome there =
      run({"convert", kept(), "--format", "bin", "--max-shard-size", "300KB", "-o", "bin"});
  ASSERT_EQ(there.exit_code, 0) << there.errors;
  EXPECT_THAT(there.output, HasSubstr("bin: "));
  EXPECT_TRUE(fs::exists(folder_.path() / "bin" / "pytorch_model.bin.index.json"));
  const ProcessOutcome back =
      run({"convert", "bin", "--dtype", "fp32", "--format", "safetensors", "-o", "back"});
  ASSERT_EQ(back.exit_code, 0) << back.errors;
  EXPECT_TRUE(*read_file(folder_.path() / "back" / "model.safetensors") ==
              *read_file(fs::path(kept()) / "model.safetensors"));
  EXPECT_TRUE(*read_file(folder_.path() / "back" / "tokenizer.json") ==
              *read_file(fs::path(kept()) / "tokenizer.json"));

  expect_refusal(run({"convert", kept(), "-o", "back"}), 1, "exists already");
  EXPECT_EQ(run({"convert", kept(), "--dtype", "bf16", "-o", "back", "--overwrite"}).exit_code, 0);
}

TEST_F(InspectCommand, ConvertRefusesInOneLine) {
  expect_refusal(run({"convert", kept(), "--dtype", "int8", "-o", "x"}), 2, "--dtype");
  expect_refusal(run({"convert", kept(), "--max-shard-size", "1TB", "-o", "x"}), 2, "'1TB'");
  expect_refusal(run({"convert", "nosuch", "-o", "x"}), 2, "nosuch");
  EXPECT_FALSE(fs::exists(folder_.path() / "x"));
}

}  // namespace
}  // namespace epicrisis
