// The commands that README shows, run in order as a reader would, on less data and for a few steps only.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/files.hpp"
#include "base/json.hpp"
#include "support/fixtures.hpp"
#include "support/shell_block.hpp"
#include "support/subprocess.hpp"

namespace epicrisis {
namespace {
namespace fs = std::filesystem;

TEST(Readme, LeadsFromACsvToAServedSummary) {
  const std::vector<std::string> lines =
      testing::shell_block_after(testing::source_dir() / "README.md", "## From a CSV to a served summary");
  ASSERT_GE(lines.size(), 7U);
  const std::string port = std::to_string(testing::free_port());
  std::string script = "set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null' EXIT\n";
  for (std::string line : lines) {
    testing::replace_all(line, "--count 2000", "--count 60");
    testing::replace_all(line, "--count 200 ", "--count 12 ");
    testing::replace_all(line, "127.0.0.1:8080", "127.0.0.1:" + port);
    if (line.starts_with("epicrisis train"))
      line += " --max-steps 4 --max-source-length 128 --max-eval-samples 4";
    if (line.starts_with("curl"))
      script += "until curl -sf http://127.0.0.1:" + port + "/ping; do kill -0 $!; sleep 0.1; done\necho\n";
    script += line + "\n";
  }
  auto folder = TemporaryDirectory::create();
  ASSERT_TRUE(folder) << folder.error().to_line();
  std::ofstream(folder->path() / "note.txt")
      << "Pt fell at home, R hip pain, R leg short and rotated. X-ray pending.\n";
  testing::ProcessOptions options;
  options.working_directory = folder->path();
  options.environment = {{"PATH", fs::path(EPICRISIS_PROGRAM).parent_path().string() + ":/usr/bin:/bin"}};
  options.timeout = std::chrono::minutes(5);
  const testing::ProcessOutcome outcome = testing::run_process({"/bin/bash", "-c", script}, options);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.errors;
  const std::size_t answer = outcome.output.rfind("[{");
  ASSERT_NE(answer, std::string::npos) << outcome.output;
  const auto json = parse_json(outcome.output.substr(answer), "answer");
  ASSERT_TRUE(json) << json.error().to_line();
  EXPECT_TRUE(json->at(0).contains("generated_text") || json->at(0).contains("summary_text")) << json->dump();
}

}  // namespace
}  // namespace epicrisis
