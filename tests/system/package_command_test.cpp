#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "base/files.hpp"
#include "support/fixtures.hpp"
#include "support/subprocess.hpp"

namespace epicrisis {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using testing::ProcessOutcome;

/// `epicrisis package` and `unpack` of the kept Pegasus checkpoint, in a folder of their own.
class PackageCommand : public ::testing::Test {
 protected:
  ProcessOutcome run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), EPICRISIS_PROGRAM);
    testing::ProcessOptions options;
    options.working_directory = folder_.path();
    return testing::run_process(arguments, options);
  }
  fs::path kept() const { return testing::kept_fixtures_dir() / "pegasus" / "xsum-like"; }

  TemporaryDirectory folder_ = TemporaryDirectory::create().value();
};

TEST_F(PackageCommand, WhatIsPackedSummarisesAsItsFolderDoes) {
  const ProcessOutcome packed = run({"package", kept().string(), "-o", "model.tar.gz"});
  ASSERT_EQ(packed.exit_code, 0) << packed.errors;
  EXPECT_THAT(packed.output, HasSubstr("model.tar.gz: 8 files, "));
  write_file_atomically(folder_.path() / "note.txt", "Fell at home, hip pain on the left. X-ray pending.")
      .value();
  const ProcessOutcome from_folder = run({"summarize", "note.txt", "--model", kept().string()});
  const ProcessOutcome from_archive = run({"summarize", "note.txt", "--model", "model.tar.gz"});
  EXPECT_EQ(from_archive.exit_code, 0) << from_archive.errors;
  EXPECT_EQ(from_archive.output, from_folder.output);

  ASSERT_EQ(run({"unpack", "model.tar.gz", "-o", "copy"}).exit_code, 0);
  ASSERT_EQ(run({"package", "copy", "-o", "again.tar.gz"}).exit_code, 0);
  EXPECT_TRUE(*read_file(folder_.path() / "model.tar.gz") == *read_file(folder_.path() / "again.tar.gz"));
}

TEST_F(PackageCommand, RefusesInOneLine) {
  const auto expect_refusal = [](const ProcessOutcome& outcome, int exit_code, const std::string& what) {
    EXPECT_EQ(outcome.exit_code, exit_code);
    EXPECT_EQ(outcome.output, "");
    EXPECT_EQ(std::count(outcome.errors.begin(), outcome.errors.end(), '\n'), 1) << outcome.errors;
    EXPECT_THAT(outcome.errors, HasSubstr(what));
  };
  expect_refusal(run({"package", kept().string(), "-o", "model.zip"}), 2, ".tar.gz");
  expect_refusal(run({"package", "nosuch", "-o", "model.tar.gz"}), 2, "nosuch");
  expect_refusal(run({"unpack", "nosuch.tar.gz", "-o", "copy"}), 2, "nosuch.tar.gz");
  write_file_atomically(folder_.path() / "cut.tar.gz", "\x1f\x8b\x08").value();
  expect_refusal(run({"unpack", "cut.tar.gz", "-o", "copy"}), 2, "cut.tar.gz");
  EXPECT_FALSE(fs::exists(folder_.path() / "copy"));
}

}  // namespace
}  // namespace epicrisis
