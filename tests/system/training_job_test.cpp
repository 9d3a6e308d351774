// epicrisis-container, as a training or serving platform starts it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <map>
#include <optional>
#include <thread>

#include "base/files.hpp"
#include "base/json.hpp"
#include "support/fixtures.hpp"
#include "support/subprocess.hpp"

namespace epicrisis {
namespace {
namespace fs = std::filesystem;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kSentinel = "Zebrafinch";  // stands for the text of a patient

class TrainingJob : public ::testing::Test {
 protected:
  void SetUp() override {
    auto made = TemporaryDirectory::create();
    ASSERT_TRUE(made.has_value());
    place_.emplace(*std::move(made));
    std::string csv = "note,summary\n";
    for (int i = 0; i < 8; ++i)
      csv += std::string(kSentinel) + " reports pain in the knee for two days.,Has knee pain.\n";
    put("input/data/train/rows.csv", csv);
    put("input/data/validation/rows.csv", csv);
    fs::create_directories(path("input/data/model"));
    fs::copy(testing::kept_fixtures_dir() / "pegasus" / "xsum-like", path("input/data/model"));
  }
  fs::path path(const std::string& name) const { return place_->path() / name; }
  void put(const std::string& name, const std::string& content) {
    fs::create_directories(path(name).parent_path());
    ASSERT_TRUE(write_file_atomically(path(name), content).has_value());
  }
  void hyperparameters(const std::map<std::string, std::string>& more) {
    Json all = {{"max_steps", "4"},
                {"train_batch_size", "4"},
                {"logging_steps", "1"},
                {"max_source_length", "32"},
                {"max_target_length", "\"12\""},
                {"threads", "1"},
                {"sagemaker_program", "\"train.py\""}};
    for (const auto& [name, value] : more) all[name] = value;
    put("input/config/hyperparameters.json", all.dump());
  }
  testing::ProcessOptions in_folder() const {
    testing::ProcessOptions options;
    options.environment = {{"SAGEMAKER_BASE_DIR", place_->path().string()}, {"TRAINING_JOB_NAME", "knees"}};
    return options;
  }
  testing::ProcessOutcome train() const {
    return testing::run_process({EPICRISIS_CONTAINER, "train"}, in_folder());
  }
  std::optional<TemporaryDirectory> place_;
};

TEST_F(TrainingJob, LeavesModelAndOutputsAndPrintsWhatMetricDefinitionsMatch) {
  hyperparameters({});
  const auto outcome = train();
  ASSERT_EQ(outcome.exit_code, 0) << outcome.errors;
  for (const char* file : {"model/config.json", "model/model.safetensors", "model/tokenizer.json",
                           "output/data/report.html", "output/data/metrics.jsonl", "output/data/runs"})
    EXPECT_TRUE(fs::exists(path(file))) << file;
  EXPECT_FALSE(fs::exists(path("model/report.html"))) << "the artifact is given to others";
  EXPECT_FALSE(fs::exists(path("output/failure")));
  EXPECT_THAT(outcome.output, ContainsRegex("'loss': [0-9.]+"));
  EXPECT_THAT(outcome.output, ContainsRegex("'eval_loss': [0-9.]+"));
  EXPECT_THAT(outcome.output + outcome.errors, Not(HasSubstr(kSentinel)));
  EXPECT_THAT(read_file(path("output/data/report.html")).value(),
              HasSubstr("<h1>knees: training report</h1>"));
}

TEST_F(TrainingJob, GoesOnFromItsCheckpoints) {
  hyperparameters({{"max_steps", "2"}, {"save_strategy", "steps"}, {"save_steps", "2"}});
  ASSERT_EQ(train().exit_code, 0);
  fs::remove_all(path("model"));
  hyperparameters({{"save_strategy", "steps"}, {"save_steps", "2"}});
  const auto outcome = train();
  ASSERT_EQ(outcome.exit_code, 0) << outcome.errors;
  EXPECT_THAT(outcome.output, HasSubstr("'step': 3"));
  EXPECT_THAT(outcome.output, Not(HasSubstr("'step': 1,"))) << "trained again from the start";
  EXPECT_TRUE(fs::exists(path("model/model.safetensors")));
}

TEST_F(TrainingJob, WritesTheReasonOfAFailureWithoutText) {
  hyperparameters({{"learning_rate", "fast"}});
  EXPECT_EQ(train().exit_code, 2);
  EXPECT_THAT(read_file(path("output/failure")).value(), HasSubstr("learning-rate"));

  hyperparameters({});
  put("input/data/train/rows.csv", "note,summary\n" + std::string(kSentinel) + ",\n");
  const auto outcome = train();
  EXPECT_EQ(outcome.exit_code, 2);
  const std::string reason = read_file(path("output/failure")).value();
  EXPECT_THAT(reason, HasSubstr("rows.csv"));
  EXPECT_THAT(reason + outcome.output + outcome.errors, Not(HasSubstr(kSentinel)));
}

TEST_F(TrainingJob, ATerminatedJobLeavesACheckpointAndAModel) {
  hyperparameters({{"max_steps", "1000000"}});
  testing::Subprocess job({EPICRISIS_CONTAINER, "train"}, in_folder());
  while (job.output().find("'step': 2") == std::string::npos) {
    ASSERT_NE(kill(job.pid(), 0), -1) << job.errors();
    ASSERT_FALSE(fs::exists(path("output/failure"))) << job.errors();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  job.send_signal(SIGTERM);
  const auto outcome = job.wait(std::chrono::seconds(60));
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_FALSE(outcome.timed_out);
  EXPECT_THAT(read_file(path("output/failure")).value(), HasSubstr("Interrupted after step"));
  EXPECT_TRUE(fs::exists(path("model/model.safetensors")));
  EXPECT_FALSE(fs::exists(path("model/optimizer.safetensors")));
}

TEST(Container, RefusesOtherArguments) {
  EXPECT_EQ(testing::run_process({EPICRISIS_CONTAINER, "dance"}).exit_code, 2);
}

}  // namespace
}  // namespace epicrisis
