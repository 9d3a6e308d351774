#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "base/files.hpp"
#include "base/json.hpp"
#include "support/fake_hub.hpp"
#include "support/fixtures.hpp"
#include "support/subprocess.hpp"

namespace epicrisis {
namespace {

namespace fs = std::filesystem;
using testing::FakeHub;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::ProcessOutcome;

/// `epicrisis hub` with a store of its own.
class HubCommand : public ::testing::Test {
 protected:
  HubCommand() {
    hub_.add_folder(kept(), {"config.json", "generation_config.json", "model.safetensors", "tokenizer.json",
                             "tokenizer_config.json", "special_tokens_map.json", "spiece.model"});
    options_.working_directory = folder_.path();
    options_.environment = {{"EPICRISIS_HUB", (folder_.path() / "store").string()},
                            {"EPICRISIS_MODELS", (folder_.path() / "places").string()},
                            {"HF_ENDPOINT", hub_.url()},
                            {"HF_TOKEN", ""},
                            {"HF_HUB_OFFLINE", ""},
                            {"no_proxy", "*"}};
  }
  ProcessOutcome run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), EPICRISIS_PROGRAM);
    return testing::run_process(arguments, options_);
  }
  void set_environment(const std::string& name, const std::string& value) {
    for (auto& [known, current] : options_.environment) {
      if (known == name) current = value;
    }
  }
  static fs::path kept() { return testing::kept_fixtures_dir() / "pegasus" / "xsum-like"; }
  static void expect_refusal(const ProcessOutcome& outcome, int exit_code, const std::string& what) {
    EXPECT_EQ(outcome.exit_code, exit_code) << outcome.errors;
    EXPECT_EQ(outcome.output, "");
    EXPECT_EQ(std::count(outcome.errors.begin(), outcome.errors.end(), '\n'), 1) << outcome.errors;
    EXPECT_THAT(outcome.errors, HasSubstr(what));
  }
  /// The line of `hub list --json` about `name`, or null.
  Json listed(const std::string& name) {
    const ProcessOutcome outcome = run({"hub", "list", "--json"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.errors;
    for (std::size_t begin = 0; begin < outcome.output.size();) {
      const std::size_t end = outcome.output.find('\n', begin);
      Json line = Json::parse(outcome.output.substr(begin, end - begin));
      if (line.at("name") == name) return line;
      begin = end + 1;
    }
    return nullptr;
  }

  TemporaryDirectory folder_ = TemporaryDirectory::create().value();
  FakeHub hub_;
  testing::ProcessOptions options_;
};

TEST_F(HubCommand, ImportsListsShowsAndRemoves) {
  const ProcessOutcome imported = run({"hub", "import", kept().string(), "--name", "ward-7"});
  ASSERT_EQ(imported.exit_code, 0) << imported.errors;
  EXPECT_THAT(imported.output, HasSubstr("ward-7@1: pegasus, 168687 parameters, F32, 7 files, "));
  EXPECT_THAT(run({"hub", "import", kept().string(), "--name", "ward-7"}).output,
              HasSubstr("stored already"));

  const Json line = listed("ward-7");
  EXPECT_EQ(line.at("version"), "1");
  EXPECT_EQ(line.at("latest"), true);
  EXPECT_EQ(line.at("read_only"), false);
  EXPECT_EQ(line.at("origin").at("kind"), "import");
  EXPECT_THAT(run({"hub", "list"}).output, HasSubstr("ward-7"));

  const ProcessOutcome shown = run({"hub", "show", "ward-7", "--json"});
  ASSERT_EQ(shown.exit_code, 0) << shown.errors;
  EXPECT_EQ(Json::parse(shown.output).at("files").size(), 7U);
  EXPECT_THAT(run({"hub", "show", "ward-7@1"}).output, HasSubstr("model.safetensors"));

  const ProcessOutcome removed = run({"hub", "remove", "ward-7@1"});
  EXPECT_EQ(removed.exit_code, 0) << removed.errors;
  EXPECT_EQ(removed.output, "removed ward-7@1\n");
  EXPECT_TRUE(listed("ward-7").is_null());
}

TEST_F(HubCommand, OtherCommandsFindWhatIsStored) {
  ASSERT_EQ(run({"hub", "import", kept().string(), "--name", "ward-7", "--version", "v1"}).exit_code, 0);
  write_file_atomically(folder_.path() / "note.txt", "Fell at home, hip pain on the left.").value();
  const ProcessOutcome from_folder = run({"tokenize", "note.txt", "--model", kept().string()});
  ASSERT_EQ(from_folder.exit_code, 0) << from_folder.errors;
  for (const char* reference : {"ward-7", "ward-7@v1"}) {
    const ProcessOutcome from_store = run({"tokenize", "note.txt", "--model", reference});
    EXPECT_EQ(from_store.exit_code, 0) << from_store.errors;
    EXPECT_EQ(from_store.output, from_folder.output);
  }
  expect_refusal(run({"tokenize", "note.txt", "--model", "ward-7@v2"}), 2, "it has v1");
}

TEST_F(HubCommand, BundledModelsAreListedAndReadOnly) {
  fs::create_directories(folder_.path() / "places");
  fs::copy(kept(), folder_.path() / "places/house-model");
  const Json line = listed("house-model");
  ASSERT_TRUE(line.is_object());
  EXPECT_EQ(line.at("read_only"), true);
  EXPECT_EQ(line.at("origin").at("kind"), "bundled");
  EXPECT_EQ(run({"hub", "show", "house-model"}).exit_code, 0);
  expect_refusal(run({"hub", "remove", "house-model"}), 2, "read-only");
  expect_refusal(run({"hub", "import", kept().string(), "--name", "house-model"}), 1, "bundled");
}

TEST_F(HubCommand, VerifyNamesEachDamagedFile) {
  ASSERT_EQ(run({"hub", "import", kept().string(), "--name", "ward-7"}).exit_code, 0);
  EXPECT_EQ(run({"hub", "verify"}).output, "ward-7@1: ok\n");
  const fs::path files = folder_.path() / "store/models/ward-7/1/files";
  fs::remove(files / "spiece.model");
  write_file_atomically(files / "config.json", "{}").value();
  const ProcessOutcome outcome = run({"hub", "verify", "ward-7"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(outcome.output, "ward-7@1: config.json: its size differs\nward-7@1: spiece.model: missing\n");
}

TEST_F(HubCommand, PullsAndHonoursTheOfflineSwitch) {
  set_environment("HF_HUB_OFFLINE", "1");
  expect_refusal(run({"hub", "pull", "acme/ward-7"}), 2, "offline");
  set_environment("HF_HUB_OFFLINE", "");
  const ProcessOutcome pulled = run({"hub", "pull", "acme/ward-7@main"});
  ASSERT_EQ(pulled.exit_code, 0) << pulled.errors;
  EXPECT_THAT(pulled.output, HasSubstr("ward-7@1: pegasus"));
  EXPECT_THAT(pulled.errors, HasSubstr("pulling"));
  EXPECT_EQ(listed("ward-7").at("origin").at("commit"), FakeHub::kCommit);
  EXPECT_EQ(run({"hub", "pull", "acme/ward-7", "--offline"}).exit_code, 0);
}

TEST_F(HubCommand, NeverShowsTheToken) {
  hub_.required_token = "hf_right";
  set_environment("HF_TOKEN", "hf_wrong");
  const ProcessOutcome outcome = run({"hub", "pull", "acme/ward-7"});
  expect_refusal(outcome, 1, "HF_TOKEN");
  EXPECT_THAT(outcome.errors, Not(HasSubstr("hf_wrong")));
}

TEST_F(HubCommand, AnInterruptKeepsWhatArrived) {
  // The weights arrive in part, then the hub asks for patience: the program waits when the signal comes.
  testing::HubFile& weights = hub_.files.at("model.safetensors");
  weights.breaks = {300'000};
  weights.first = {testing::ScriptedReply{503, {{"Retry-After", "300"}}, "", {}}};
  testing::Subprocess program({EPICRISIS_PROGRAM, "hub", "pull", "acme/ward-7"}, options_);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(120);
  while (hub_.requests_for("model.safetensors").size() < 2 && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  program.send_signal(SIGINT);
  const ProcessOutcome stopped = program.wait(std::chrono::seconds(60));
  EXPECT_EQ(stopped.exit_code, 1) << stopped.errors;
  EXPECT_THAT(stopped.errors, HasSubstr("goes on from there"));

  const ProcessOutcome resumed = run({"hub", "pull", "acme/ward-7"});
  ASSERT_EQ(resumed.exit_code, 0) << resumed.errors;
  std::size_t sent = 0;
  for (const testing::SeenRequest& get : hub_.requests_for("model.safetensors")) sent += get.body_bytes_sent;
  EXPECT_EQ(sent, weights.content.size()) << "bytes were sent twice, or not at all";
}

TEST_F(HubCommand, RefusesInOneLine) {
  expect_refusal(run({"hub"}), 2, "subcommand");
  expect_refusal(run({"hub", "import", "nosuch"}), 2, "nosuch");
  expect_refusal(run({"hub", "show", "nosuch"}), 2, "nosuch");
  expect_refusal(run({"hub", "remove", "nosuch"}), 2, "nosuch");
  expect_refusal(run({"hub", "verify", "nosuch"}), 2, "nosuch");
  expect_refusal(run({"hub", "pull", "a/b/c"}), 2, "ORG/NAME");
  expect_refusal(run({"hub", "pull", "acme/nosuch"}), 2, "acme/nosuch");
}

}  // namespace
}  // namespace epicrisis
