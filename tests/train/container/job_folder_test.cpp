// What a training job's folder asks the trainer for.
#include "train/container/job_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.hpp"
#include "base/json.hpp"

namespace epicrisis::train {
namespace {
namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;

const std::vector<std::string> kKnown = {"num_train_epochs",     "per_device_train_batch_size",
                                         "learning_rate",        "model_name_or_path",
                                         "generation_config",    "bf16",
                                         "train_file",           "validation_file",
                                         "metric_for_best_model"};

class Job : public ::testing::Test {
 protected:
  void SetUp() override {
    auto made = TemporaryDirectory::create();
    ASSERT_TRUE(made.has_value());
    place_.emplace(*std::move(made));
    put("input/data/train/b.csv");
    put("input/data/train/part/a.jsonl.gz");
  }
  void put(const fs::path& name, const std::string& content = "x") {
    const fs::path path = place_->path() / name;
    fs::create_directories(path.parent_path());
    ASSERT_TRUE(write_file_atomically(path, content).has_value());
  }
  void hyperparameters(const Json& values) { put("input/config/hyperparameters.json", values.dump()); }
  Result<JobRequest> read() const { return read_job(JobFolder(place_->path()), kKnown); }
  std::string path(const std::string& name) const { return (place_->path() / name).string(); }
  std::optional<TemporaryDirectory> place_;
};

TEST_F(Job, ReadsPlainAndJsonTexts) {
  hyperparameters({{"learning_rate", "5e-05"},
                   {"metric_for_best_model", "\"rouge1\""},
                   {"bf16", "true"},
                   {"generation_config", R"({"num_beams": 4})"}});
  const auto job = read();
  ASSERT_TRUE(job.has_value()) << job.error().to_line();
  EXPECT_THAT(job->settings, Contains(Pair("learning_rate", ElementsAre("5e-05"))));
  EXPECT_THAT(job->settings, Contains(Pair("metric_for_best_model", ElementsAre("rouge1"))));
  EXPECT_THAT(job->settings, Contains(Pair("bf16", ElementsAre("true"))));
  EXPECT_THAT(job->settings, Contains(Pair("generation_config", ElementsAre("num_beams=4"))));
}

TEST_F(Job, KnowsAliasesAndNullAndHyphens) {
  hyperparameters(
      {{"epochs", "3"}, {"train_batch_size", "8"}, {"model-id", "\"a/b\""}, {"learning-rate", "null"}});
  const auto job = read();
  ASSERT_TRUE(job.has_value()) << job.error().to_line();
  EXPECT_THAT(job->settings, Contains(Pair("num_train_epochs", ElementsAre("3"))));
  EXPECT_THAT(job->settings, Contains(Pair("per_device_train_batch_size", ElementsAre("8"))));
  EXPECT_THAT(job->settings, Contains(Pair("model_name_or_path", ElementsAre("a/b"))));
  EXPECT_THAT(job->settings, Not(Contains(Pair("learning_rate", ::testing::_))));
}

TEST_F(Job, LeavesOutWhatIsNotTheTrainersAndSaysSo) {
  hyperparameters({{"sagemaker_program", "\"train.py\""},
                   {"_tuning_objective_metric", "loss"},
                   {"learning_rat", "1"},
                   {"output_dir", "\"/opt/ml/model\""}});
  const auto job = read();
  ASSERT_TRUE(job.has_value()) << job.error().to_line();
  EXPECT_THAT(job->remarks, ElementsAre(HasSubstr("did you mean learning_rate?"), HasSubstr("output_dir")));
}

TEST_F(Job, RefusesOneSettingGivenTwice) {
  hyperparameters({{"epochs", "3"}, {"num_train_epochs", "4"}});
  const auto job = read();
  ASSERT_FALSE(job.has_value());
  EXPECT_THAT(job.error().public_message, HasSubstr("epochs and num_train_epochs"));
}

TEST_F(Job, RefusesHyperparametersThatAreNoTexts) {
  hyperparameters({{"learning_rate", 1}});
  EXPECT_EQ(read().error().code, ErrorCode::kInvalidArgument);
  put("input/config/hyperparameters.json", "[1,");
  EXPECT_EQ(read().error().code, ErrorCode::kCorrupt);
}

TEST_F(Job, FindsDataAndModelInItsChannels) {
  put("input/data/validation/rows.csv");
  put("input/data/validation/_SUCCESS");
  put("input/data/model/model.tar.gz");
  put("input/data/test/rows.csv");
  hyperparameters({{"model_name_or_path", "\"google/pegasus-xsum\""}});
  const auto job = read();
  ASSERT_TRUE(job.has_value()) << job.error().to_line();
  EXPECT_THAT(job->settings,
              Contains(Pair("train_file", ElementsAre(path("input/data/train/b.csv"),
                                                      path("input/data/train/part/a.jsonl.gz")))));
  EXPECT_THAT(job->settings,
              Contains(Pair("validation_file", ElementsAre(path("input/data/validation/rows.csv")))));
  EXPECT_THAT(job->settings,
              Contains(Pair("model_name_or_path", ElementsAre(path("input/data/model/model.tar.gz")))));
  EXPECT_THAT(job->settings, Contains(Pair("output_dir", ElementsAre(path("checkpoints")))));
  EXPECT_THAT(job->settings, Contains(Pair("resume_from_checkpoint", ElementsAre("last"))));
  EXPECT_THAT(job->remarks, ElementsAre(HasSubstr("channel test"), HasSubstr("1 file is neither")));
}

TEST_F(Job, TheOnlyChannelMayBeCalledTraining) {
  fs::rename(path("input/data/train"), path("input/data/training"));
  const auto job = read();
  ASSERT_TRUE(job.has_value()) << job.error().to_line();
  EXPECT_THAT(job->settings, Contains(Pair("train_file", ::testing::SizeIs(2))));
}

TEST_F(Job, PathsBelowOptMlAreBelowItsFolder) {
  hyperparameters(
      {{"model_name_or_path", "\"/opt/ml/input/data/base\""}, {"metric_for_best_model", "/opt/mlx"}});
  const auto job = read();
  ASSERT_TRUE(job.has_value()) << job.error().to_line();
  EXPECT_THAT(job->settings, Contains(Pair("model_name_or_path", ElementsAre(path("input/data/base")))));
  EXPECT_THAT(job->settings, Contains(Pair("metric_for_best_model", ElementsAre("/opt/mlx"))));
}

TEST_F(Job, RefusesWhatItCannotDo) {
  put("input/config/resourceconfig.json", R"({"current_host": "algo-1", "hosts": ["algo-1", "algo-2"]})");
  EXPECT_EQ(read().error().code, ErrorCode::kUnsupported);
  put("input/config/resourceconfig.json", R"({"current_host": "algo-1", "hosts": ["algo-1"]})");
  EXPECT_TRUE(read().has_value());
  put("input/config/inputdataconfig.json", R"({"train": {"TrainingInputMode": "Pipe"}})");
  EXPECT_EQ(read().error().code, ErrorCode::kUnsupported);
  put("input/config/inputdataconfig.json", R"({"validation": {"TrainingInputMode": "File"}})");
  EXPECT_THAT(read().error().public_message, HasSubstr("'validation'"));
}

TEST_F(Job, NeedsTrainingData) {
  fs::remove_all(path("input/data/train"));
  EXPECT_THAT(read().error().public_message, HasSubstr("channel 'train'"));
}

}  // namespace
}  // namespace epicrisis::train
