// The commands that README shows, run in order as a reader would, on less data and for a few steps only.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/files.hpp"
#include "base/json.hpp"
#include "support/fixtures.hpp"
#include "support/subprocess.hpp"

namespace epicrisis {
namespace {
namespace fs = std::filesystem;

/// The lines of the first sh block after the heading.
std::vector<std::string> shell_block_after(const std::string& heading) {
  std::ifstream readme(testing::source_dir() / "README.md");
  std::vector<std::string> lines;
  bool found = false, inside = false;
  for (std::string line; std::getline(readme, line);) {
    if (line == heading) found = true;
    if (found && inside && line == "```") break;
    if (inside) lines.push_back(line);
    if (found && line == "```sh") inside = true;
  }
  return lines;
}

void replace(std::string& text, const std::string& from, const std::string& to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

/// A port of the loopback address that nobody listens on.
int free_port() {
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  EXPECT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
  ::close(listener);
  return ntohs(address.sin_port);
}

TEST(Readme, LeadsFromACsvToAServedSummary) {
  const std::vector<std::string> lines = shell_block_after("## From a CSV to a served summary");
  ASSERT_GE(lines.size(), 7U);
  const std::string port = std::to_string(free_port());
  std::string script = "set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null' EXIT\n";
  for (std::string line : lines) {
    replace(line, "--count 2000", "--count 60");
    replace(line, "--count 200 ", "--count 12 ");
    replace(line, "127.0.0.1:8080", "127.0.0.1:" + port);
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
