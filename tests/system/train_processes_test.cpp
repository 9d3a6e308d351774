// Several processes that train one model together, as a user starts them.
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <map>
#include <optional>
#include <random>
#include <thread>

#include "base/files.hpp"
#include "base/json.hpp"
#include "support/fixtures.hpp"
#include "support/subprocess.hpp"

namespace epicrisis {
namespace {
namespace fs = std::filesystem;
using namespace std::chrono_literals;
using Arguments = std::vector<std::string>;

constexpr auto kLongest = 280s;    // starting LibTorch takes long where others compute
constexpr std::size_t kRows = 26;  // in batches of 8 the last one leaves processes with few or no examples

class TrainProcesses : public ::testing::Test {
 protected:
  void SetUp() override {
    auto folder = TemporaryDirectory::create();
    ASSERT_TRUE(folder.has_value());
    folder_.emplace(*std::move(folder));
    std::string csv = "note,summary\n";
    for (std::size_t i = 0; i < kRows; ++i) {
      const std::string finding = i % 3 == 0   ? "knee pain"
                                  : i % 3 == 1 ? "a dry cough for two days"
                                               : "fever";
      csv += "The patient is " + std::to_string(30 + i) + " years old and reports " + finding + ".,Has " +
             finding + ".\n";
    }
    ASSERT_TRUE(write_file_atomically(path("train.csv"), csv).has_value());
  }
  fs::path path(const std::string& name) const { return folder_->path() / name; }
  static testing::ProcessOutcome run_to_its_end(const Arguments& command) {
    testing::ProcessOptions options;
    options.timeout = kLongest;
    return testing::run_process(command, options);
  }
  /// A run of `processes` that together take 8 examples a batch.
  Arguments command(const std::string& output, int processes, double dropout, const Arguments& more) const {
    Arguments all = {EPICRISIS_TRAIN_PROGRAM,
                     "--train-file",
                     path("train.csv").string(),
                     "--tokenizer",
                     (testing::kept_fixtures_dir() / "pegasus" / "xsum-like").string(),
                     "--config-overrides",
                     "d_model=16,encoder_layers=1,decoder_layers=1,encoder_attention_heads=2,"
                     "decoder_attention_heads=2,encoder_ffn_dim=32,decoder_ffn_dim=32,dropout=" +
                         std::to_string(dropout),
                     "--max-source-length",
                     "32",
                     "--max-target-length",
                     "12",
                     "--threads",
                     "1",
                     "--logging-steps",
                     "1",
                     "--nproc",
                     std::to_string(processes),
                     "--per-device-train-batch-size",
                     std::to_string(8 / processes),
                     "-o",
                     path(output).string()};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  /// The value of `key` by step.
  std::map<std::int64_t, double> logged(const std::string& output, const std::string& key) const {
    std::map<std::int64_t, double> values;
    std::ifstream file(path(output) / "metrics.jsonl");
    for (std::string line; std::getline(file, line);) {
      const Json json = Json::parse(line);
      if (json.contains(key)) values[json["step"].get<std::int64_t>()] = json[key].get<double>();
    }
    return values;
  }
  std::optional<TemporaryDirectory> folder_;
};

/// The process that the launcher `parent` started at `rank`; -1 for none.
pid_t process_of_rank(pid_t parent, const std::string& rank) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/proc", ignored)) {
    std::ifstream status(entry.path() / "status"), variables(entry.path() / "environ");
    const bool is_child = [&] {
      for (std::string line; std::getline(status, line);)
        if (line == "PPid:\t" + std::to_string(parent)) return true;
      return false;
    }();
    if (!is_child) continue;
    for (std::string variable; std::getline(variables, variable, '\0');)
      if (variable == "RANK=" + rank) return std::stoi(entry.path().filename().string());
  }
  return -1;
}

TEST_F(TrainProcesses, OneTwoAndFourGiveTheSameLosses) {
  const Arguments more = {"--num-train-epochs",
                          "2",
                          "--gradient-accumulation-steps",
                          "2",
                          "--validation-file",
                          path("train.csv").string(),
                          "--per-device-eval-batch-size",
                          "3"};
  for (const int processes : {1, 2, 4}) {
    const std::string output = "of" + std::to_string(processes);
    const auto outcome = run_to_its_end(command(output, processes, 0, more));
    ASSERT_EQ(outcome.exit_code, 0) << outcome.errors;
    for (const char* key : {"loss", "grad_norm", "eval_loss", "eval_rougeL", "tokens"}) {
      const auto expected = logged("of1", key), actual = logged(output, key);
      ASSERT_EQ(actual.size(), expected.size()) << key;
      ASSERT_FALSE(actual.empty()) << key;
      for (const auto& [step, value] : expected)
        EXPECT_NEAR(actual.at(step), value, 1e-5 * std::abs(value)) << key << " at " << step;
    }
  }
}

/// docs/scaling.md: what is handed to collectives follows from parameters, updates and batches.
TEST_F(TrainProcesses, HandsOverTheBytesOfTheModel) {
  constexpr std::int64_t kUpdates = 5, kBatches = 10;  // 4 batches an epoch, two an update
  const auto outcome = run_to_its_end(command(
      "out", 2, 0, {"--max-steps", "5", "--gradient-accumulation-steps", "2", "--save-strategy", "no"}));
  ASSERT_EQ(outcome.exit_code, 0) << outcome.errors;
  const Json results = *read_json_file(path("out") / "train_results.json");
  const auto weights = static_cast<std::int64_t>(fs::file_size(path("out") / "model.safetensors"));
  const std::int64_t gradient_bytes = results["processes"]["gradient_bytes"];
  ASSERT_EQ(gradient_bytes % kUpdates, 0);
  const std::int64_t parameter_bytes = gradient_bytes / kUpdates;
  EXPECT_LT(parameter_bytes, weights);           // the file adds a header of names
  EXPECT_GT(parameter_bytes, weights * 9 / 10);  // and nothing else but padding
  // An update: labels of each batch and tokens; losses of each batch and the clock; whether to stop.
  EXPECT_EQ(results["processes"]["control_bytes"], 8 * (2 * kBatches + 3 * kUpdates));
}

TEST_F(TrainProcesses, AKilledOneStopsAllAndTheRunGoesOnToTheSameBits) {
  const Arguments more = {"--max-steps", "300", "--save-strategy", "steps", "--save-steps", "20"};
  const auto whole = run_to_its_end(command("whole", 2, 0.1, more));
  ASSERT_EQ(whole.exit_code, 0) << whole.errors;
  std::random_device random;
  const auto delay = std::chrono::milliseconds(random() % 300);
  SCOPED_TRACE("killed " + std::to_string(delay.count()) + " ms after the first checkpoint");
  testing::Subprocess run(command("killed", 2, 0.1, more));
  const auto end = std::chrono::steady_clock::now() + kLongest;
  while (!fs::exists(path("killed") / "checkpoint-20") && std::chrono::steady_clock::now() < end)
    std::this_thread::sleep_for(2ms);
  std::this_thread::sleep_for(delay);
  const pid_t victim = process_of_rank(run.pid(), "1");
  if (victim > 0) ::kill(victim, SIGKILL);
  const auto outcome = run.wait(kLongest);
  ASSERT_FALSE(outcome.timed_out);
  ASSERT_EQ(outcome.exit_code, 1) << outcome.errors;
  EXPECT_NE(outcome.errors.find("the process of rank 1 was ended by signal 9"), std::string::npos)
      << outcome.errors;
  EXPECT_EQ(outcome.errors.find("ended or cannot be reached"), std::string::npos) << "one line says it";
  Arguments again = more;
  again.insert(again.end(), {"--resume-from-checkpoint", "last"});
  const auto resumed = run_to_its_end(command("killed", 2, 0.1, again));
  ASSERT_EQ(resumed.exit_code, 0) << resumed.errors;
  EXPECT_EQ(logged("killed", "loss"), logged("whole", "loss"));
  EXPECT_TRUE(read_file(path("killed") / "model.safetensors").value() ==
              read_file(path("whole") / "model.safetensors").value());
}

TEST_F(TrainProcesses, AFailureOfAllIsToldOnce) {
  const auto outcome = run_to_its_end(command("out", 2, 0, {"--max-steps", "9", "--learning-rate", "1e30"}));
  EXPECT_EQ(outcome.exit_code, 1);
  const std::size_t told = outcome.errors.find("Training stopped at step");
  ASSERT_NE(told, std::string::npos) << outcome.errors;
  EXPECT_EQ(outcome.errors.find("Training stopped at step", told + 1), std::string::npos);
}

TEST_F(TrainProcesses, RefusesAnEnvironmentThatIsNoPlace) {
  testing::ProcessOptions options;
  options.environment = {{"RANK", "2"}, {"WORLD_SIZE", "2"}};
  const auto outcome = testing::run_process(command("out", 1, 0, {}), options);
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_NE(outcome.errors.find("RANK must be a number from 0 to 1"), std::string::npos) << outcome.errors;
}

/// As torchrun starts them: a port, and no launcher of ours.
TEST_F(TrainProcesses, MeetAtThePortThatTheEnvironmentNames) {
  const std::string port = std::to_string(20000 + std::random_device()() % 20000);
  std::vector<std::unique_ptr<testing::Subprocess>> processes;
  for (const char* rank : {"0", "1"}) {
    testing::ProcessOptions options;
    options.environment = {{"RANK", rank},        {"LOCAL_RANK", rank},         {"WORLD_SIZE", "2"},
                           {"MASTER_PORT", port}, {"MASTER_ADDR", "127.0.0.1"}, {"LOCAL_WORLD_SIZE", "2"}};
    processes.push_back(std::make_unique<testing::Subprocess>(
        command("out", 1, 0, {"--max-steps", "2", "--per-device-train-batch-size", "4"}), options));
  }
  for (const auto& process : processes) {
    const auto outcome = process->wait(kLongest);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.errors;
  }
  EXPECT_EQ(logged("out", "loss").size(), 2U);
}

}  // namespace
}  // namespace epicrisis
