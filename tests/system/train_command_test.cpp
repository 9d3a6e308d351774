// epicrisis-train as a user runs it: options, and what is left when a run ends in the middle.
#include <gtest/gtest.h>

#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <fstream>
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
using testing::ProcessOutcome;
using testing::Subprocess;
using Arguments = std::vector<std::string>;

constexpr auto kLongest = 280s;  // starting LibTorch takes long where others compute

class TrainCommand : public ::testing::Test {
 protected:
  void SetUp() override {
    auto folder = TemporaryDirectory::create();
    ASSERT_TRUE(folder.has_value());
    folder_.emplace(*std::move(folder));
    std::string csv = "note,summary\n";
    for (int i = 0; i < 24; ++i) {
      const std::string finding = i % 3 == 0 ? "knee pain" : i % 3 == 1 ? "a dry cough" : "chest pain";
      csv += "The patient is " + std::to_string(30 + i) + " years old and reports " + finding + ".,Has " +
             finding + ".\n";
    }
    write("train.csv", csv);
  }
  fs::path path(const std::string& name) const { return folder_->path() / name; }
  void write(const std::string& name, const std::string& content) const {
    ASSERT_TRUE(write_file_atomically(path(name), content).has_value());
  }
  /// A run of a tiny model with dropout; `more` wins over what stands here.
  Arguments command(const std::string& output, const Arguments& more) const {
    Arguments all = {EPICRISIS_TRAIN_PROGRAM,
                     "--train-file",
                     path("train.csv").string(),
                     "--tokenizer",
                     (testing::kept_fixtures_dir() / "pegasus" / "xsum-like").string(),
                     "--config-overrides",
                     "d_model=16,encoder_layers=1,decoder_layers=1,encoder_attention_heads=2,"
                     "decoder_attention_heads=2,encoder_ffn_dim=32,decoder_ffn_dim=32,dropout=0.1",
                     "--max-source-length",
                     "32",
                     "--max-target-length",
                     "8",
                     "--threads",
                     "2",
                     "--per-device-train-batch-size",
                     "4",
                     "--logging-steps",
                     "2",
                     "-o",
                     path(output).string()};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  ProcessOutcome run(const std::string& output, const Arguments& more) const {
    Subprocess process(command(output, more));
    return process.wait(kLongest);
  }
  /// metrics.jsonl without what the machine settles.
  std::vector<Json> metrics(const std::string& output) const {
    std::vector<Json> lines;
    std::ifstream file(path(output) / "metrics.jsonl");
    for (std::string line; std::getline(file, line);) {
      lines.push_back(Json::parse(line));
      for (const char* name : {"tokens_per_second", "elapsed_seconds", "peak_memory_bytes"})
        lines.back().erase(name);
    }
    return lines;
  }
  std::string weights(const std::string& output) const {
    const auto content = read_file(path(output) / "model.safetensors");
    return content ? *content : std::string();
  }
  /// Waits until `there` or the process has ended; whether it is there.
  template <class Condition>
  static bool wait_until(Condition there) {
    const auto end = std::chrono::steady_clock::now() + kLongest;
    while (!there() && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(1ms);
    return there();
  }
  std::optional<TemporaryDirectory> folder_;
};

std::size_t line_count(const fs::path& path) {
  const auto content = read_file(path);
  return content ? static_cast<std::size_t>(std::count(content->begin(), content->end(), '\n')) : 0;
}

/// Tells a file from the one that replaces it; 0 when there is none.
ino_t inode(const fs::path& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? status.st_ino : 0;
}

std::string last_line(std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  return text.substr(text.rfind('\n') + 1);
}

TEST_F(TrainCommand, ReadsItsOptionsFromAFileAndTheCommandLineWins) {
  write("run.yaml",
        "# as Seq2SeqTrainingArguments\nmax_steps: 3\nlearning_rate: 1.0e-3\nlr-scheduler-type: cosine\n"
        "lr_scheduler_kwargs: {num_cycles: 1.5}\nlogging_first_step: yes\nsave_strategy: \"no\"\n"
        "metric_for_best_model: null\ntrain_file:\n  - " +
            path("train.csv").string() + "\n");
  const ProcessOutcome outcome = run("out", {"--config", path("run.yaml").string(), "--max_steps=2"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.errors;
  const Json args = read_json_file(path("out") / "training_args.json").value();
  EXPECT_EQ(args["max_steps"], 2);
  EXPECT_EQ(args["learning_rate"], 1e-3);
  EXPECT_EQ(args["lr_scheduler_type"], "cosine");
  EXPECT_EQ(args["lr_scheduler_kwargs"]["num_cycles"], "1.5");
  EXPECT_EQ(args["logging_first_step"], true);
  EXPECT_EQ(args["adam_beta2"], 0.999) << "defaults are written too";
  EXPECT_EQ(metrics("out").size(), 2U);
}

TEST_F(TrainCommand, AWrongOptionIsNamedWithItsPlace) {
  write("run.yaml", "max_steps: 3\nlearning_rat: 1e-3\n");
  ProcessOutcome outcome = run("out", {"--config", path("run.yaml").string()});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_EQ(outcome.errors,
            "epicrisis-train: There is no option learning_rat; did you mean learning_rate? Run 'epicrisis "
            "train --help'. (run.yaml:2)\n");
  write("twice.yaml", "max_steps: 3\nmax_steps: 4\n");
  outcome = run("out", {"--config", path("twice.yaml").string()});
  EXPECT_EQ(outcome.errors, "epicrisis-train: The configuration gives max_steps twice. (twice.yaml:2)\n");
  write("run.json", R"({"max_steps": 3, "seed": "x"})");
  outcome = run("out", {"--config", path("run.json").string()});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_EQ(outcome.errors,
            "epicrisis-train: seed must be a whole number of at least 0, not 'x'. (run.json)\n");
  outcome = run("out", {"--save-step", "3"});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_EQ(
      outcome.errors,
      "epicrisis-train: There is no option --save-step; did you mean --save-steps? Run 'epicrisis train "
      "--help'.\n");
  EXPECT_FALSE(fs::exists(path("out")));
}

TEST_F(TrainCommand, SwitchesThatStandAloneMeanTrueAndARunsOptionsCanBeGivenAgain) {
  const Arguments switches = {"--disable-tqdm",
                              "--logging-first-step",
                              "--group-by-length",
                              "--max-steps",
                              "3",
                              "--gradient-checkpointing",
                              "--overwrite-output-dir",
                              "--threads",
                              "1"};
  const ProcessOutcome outcome = run("out", switches);
  ASSERT_EQ(outcome.exit_code, 0) << outcome.errors;
  const fs::path used = path("out") / "training_args.json";
  const Json args = read_json_file(used).value();
  for (const char* name : {"disable_tqdm", "logging_first_step", "group_by_length", "gradient_checkpointing"})
    EXPECT_EQ(args[name], true) << name;
  Subprocess again({EPICRISIS_TRAIN_PROGRAM, "--config", used.string(), "-o", path("again").string()});
  const ProcessOutcome same = again.wait(kLongest);
  ASSERT_EQ(same.exit_code, 0) << same.errors;
  EXPECT_TRUE(weights("again") == weights("out") && !weights("out").empty());
}

TEST_F(TrainCommand, ADryRunAloneLeavesNothing) {
  const ProcessOutcome outcome = run("out", {"--dry-run"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.errors;
  EXPECT_NE(outcome.output.find("It fits."), std::string::npos) << outcome.output;
  EXPECT_FALSE(fs::exists(path("out")));
}

TEST_F(TrainCommand, PrepareOnlyAloneEndsWithTheDataPrepared) {
  const ProcessOutcome outcome = run("out", {"--prepare-only"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.errors;
  EXPECT_TRUE(
      fs::exists(fs::path(Json::parse(outcome.output)["prepared_data"].get<std::string>()) / "train.tokens"));
  EXPECT_FALSE(fs::exists(path("out") / "model.safetensors"));
}

/// The loss of the model with adapters beside it is that of the model which they were merged into.
TEST_F(TrainCommand, LowRankAdaptersTrainAndAreMergedIntoTheFinishedModel) {
  const Arguments evaluated = {"--validation-file",
                               path("train.csv").string(),
                               "--eval-strategy",
                               "steps",
                               "--eval-steps",
                               "4",
                               "--predict-with-generate",
                               "false"};
  ASSERT_EQ(run("base", {"--max-steps", "2"}).exit_code, 0);
  Arguments adapted = evaluated;
  adapted.insert(adapted.end(),
                 {"--model-name-or-path", path("base").string(), "--max-steps", "8", "--lora-rank", "2",
                  "--lora-alpha", "8", "--lora-target-modules", "all-linear", "--learning-rate", "0.03",
                  "--save-strategy", "steps", "--save-steps", "4", "--load-best-model-at-end", "false"});
  Arguments command = this->command("adapted", adapted);
  command.erase(std::find(command.begin(), command.end(), "--config-overrides"),
                std::find(command.begin(), command.end(), "--config-overrides") + 2);
  const ProcessOutcome outcome = Subprocess(command).wait(kLongest);
  ASSERT_EQ(outcome.exit_code, 0) << outcome.errors;
  EXPECT_TRUE(fs::exists(path("adapted") / "checkpoint-8" / "adapter_model.safetensors"));
  EXPECT_FALSE(weights("adapted") == weights("base"));

  Arguments after = evaluated;
  after.insert(after.end(), {"--model-name-or-path", path("adapted").string(), "--max-steps", "1", "--optim",
                             "sgd", "--learning-rate", "1e-12"});
  command = this->command("after", after);
  command.erase(std::find(command.begin(), command.end(), "--config-overrides"),
                std::find(command.begin(), command.end(), "--config-overrides") + 2);
  const ProcessOutcome measured = Subprocess(command).wait(kLongest);
  ASSERT_EQ(measured.exit_code, 0) << measured.errors;
  const auto last_loss = [&](const std::string& output) {
    double loss = 0;
    for (const Json& line : metrics(output)) loss = line.value("eval_loss", loss);
    return loss;
  };
  EXPECT_GT(last_loss("adapted"), 0);
  EXPECT_NEAR(last_loss("after"), last_loss("adapted"), 1e-5 * last_loss("adapted"));
}

/// Evaluates, keeps the best, stops early: all that a resumed run must remember.
const Arguments kEventful = {"--validation-file",
                             "",
                             "--max-eval-samples",
                             "4",
                             "--max-steps",
                             "40",
                             "--eval-strategy",
                             "steps",
                             "--eval-steps",
                             "5",
                             "--save-strategy",
                             "steps",
                             "--save-steps",
                             "3",
                             "--save-total-limit",
                             "2",
                             "--metric-for-best-model",
                             "loss",
                             "--learning-rate",
                             "3e-2",
                             "--early-stopping-patience",
                             "3",
                             "--gradient-accumulation-steps",
                             "2",
                             "--warmup-steps",
                             "4"};

TEST_F(TrainCommand, KilledAtAnyMomentItEndsAsIfItHadNotBeen) {
  Arguments eventful = kEventful;
  eventful[1] = path("train.csv").string();
  const ProcessOutcome whole = run("whole", eventful);
  ASSERT_EQ(whole.exit_code, 0) << whole.errors;
  const std::size_t lines = metrics("whole").size();

  eventful.insert(eventful.end(), {"--resume-from-checkpoint", "last"});
  constexpr unsigned kSeed = 7;
  std::mt19937 random(kSeed);
  const fs::path log = path("parts") / "metrics.jsonl";
  for (std::size_t kill = 1; kill <= 4; ++kill) {
    const ino_t before = inode(log);
    Subprocess process(command("parts", eventful));
    // Not before it got some way, then at any moment: within a step, a log line, an evaluation, a checkpoint.
    const std::size_t enough = std::min(lines * kill / 5, lines - 1);
    ASSERT_TRUE(wait_until([&] { return inode(log) != before && line_count(log) >= enough; }));
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 20000));
    process.send_signal(SIGKILL);
    process.wait(kLongest);
  }
  const ProcessOutcome last = run("parts", eventful);
  ASSERT_EQ(last.exit_code, 0) << last.errors;
  EXPECT_EQ(metrics("parts"), metrics("whole")) << "no line is missing, doubled or different";
  EXPECT_TRUE(weights("parts") == weights("whole") && !weights("whole").empty());
  for (const auto& entry : fs::directory_iterator(path("parts")))
    EXPECT_FALSE(entry.path().filename().string().starts_with(".epicrisis-")) << entry.path();
}

TEST_F(TrainCommand, ALossThatIsNoNumberEndsTheRunAtItsStep) {
  const ProcessOutcome outcome =
      run("out", {"--max-steps", "9", "--learning-rate", "1e30", "--warmup-ratio", "0", "--save-strategy",
                  "steps", "--save-steps", "1", "--logging-steps", "1"});
  EXPECT_EQ(outcome.exit_code, 1);
  const std::string line = last_line(outcome.errors);
  EXPECT_TRUE(line.starts_with("epicrisis-train: Training stopped at step 2: the loss is ")) << line;
  EXPECT_NE(line.find("the last good checkpoint is checkpoint-1. (train.csv row "), std::string::npos)
      << line;
  EXPECT_EQ(line.find("patient"), std::string::npos);
  EXPECT_EQ(metrics("out").size(), 1U);
  EXPECT_FALSE(fs::exists(path("out") / "train_results.json"));
}

TEST_F(TrainCommand, AFullDiskEndsTheRunAndLeavesTheLastCheckpointWhole) {
  const Arguments endless = {"--max-steps", "1000000", "--save-strategy", "steps", "--save-steps", "2"};
  Subprocess process(command("out", endless));
  ASSERT_TRUE(wait_until([&] { return fs::exists(path("out") / "checkpoint-2"); })) << process.errors();
  // No file may grow past this any more: writes fail as on a full disk.
  const rlimit most{4096, 4096};
  ASSERT_EQ(prlimit(process.pid(), RLIMIT_FSIZE, &most, nullptr), 0);
  const ProcessOutcome outcome = process.wait(kLongest);
  EXPECT_EQ(outcome.exit_code, 1);
  const std::string line = last_line(outcome.errors);
  EXPECT_TRUE(line.starts_with("epicrisis-train: Cannot write ")) << line;
  EXPECT_NE(line.find("Free some space and run the command again."), std::string::npos) << line;

  std::int64_t newest = 0;
  for (const auto& entry : fs::directory_iterator(path("out"))) {
    const std::string name = entry.path().filename().string();
    EXPECT_FALSE(name.starts_with(".epicrisis-") || name.find(".tmp-") != std::string::npos) << name;
    if (name.starts_with("checkpoint-"))
      newest = std::max<std::int64_t>(newest, std::stoll(name.substr(name.find('-') + 1)));
  }
  ASSERT_GE(newest, 2);
  const ProcessOutcome resumed =
      run("out", {"--max-steps", std::to_string(newest + 2), "--resume-from-checkpoint"});
  EXPECT_EQ(resumed.exit_code, 0) << resumed.errors;
  EXPECT_EQ(resumed.errors.find("damaged"), std::string::npos) << resumed.errors;
}

}  // namespace
}  // namespace epicrisis
