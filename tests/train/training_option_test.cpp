// The table of options, and the parts of a run that follow from them without a model: which evaluation is
// best, which checkpoints stay, which one a run goes on from.
#include "train/training_option.hpp"

#include <gtest/gtest.h>

#include <set>

#include "base/files.hpp"
#include "train/checkpoint_folders.hpp"
#include "train/model_selection.hpp"
#include "train/output_folder.hpp"

namespace epicrisis::train {
namespace {
namespace fs = std::filesystem;
using Texts = std::vector<std::string>;

Result<void> set(TrainingOptions& options, const std::string& name, const Texts& values) {
  return set_training_option(options, name, values);
}

/// The message of refusing; empty when the value is taken.
std::string refusal(const std::string& name, const Texts& values) {
  TrainingOptions options;
  const auto result = set(options, name, values);
  return result ? std::string() : result.error().public_message;
}

TEST(TrainingOptionTable, NamesEverySettingOnce) {
  std::set<std::string> names;
  for (const TrainingOption& option : training_option_table())
    for (const std::string& name : option.names) EXPECT_TRUE(names.insert(name).second) << name;
  for (const char* name : {"max_steps",
                           "per_device_train_batch_size",
                           "per_device_eval_batch_size",
                           "gradient_accumulation_steps",
                           "learning_rate",
                           "weight_decay",
                           "adam_beta1",
                           "adam_beta2",
                           "adam_epsilon",
                           "max_grad_norm",
                           "optim",
                           "lr_scheduler_type",
                           "warmup_steps",
                           "warmup_ratio",
                           "label_smoothing_factor",
                           "evaluation_strategy",
                           "eval_strategy",
                           "eval_steps",
                           "save_strategy",
                           "save_steps",
                           "save_total_limit",
                           "load_best_model_at_end",
                           "metric_for_best_model",
                           "greater_is_better",
                           "early_stopping_patience",
                           "early_stopping_threshold",
                           "predict_with_generate",
                           "generation_max_length",
                           "generation_num_beams",
                           "logging_dir",
                           "logging_steps",
                           "logging_first_step",
                           "disable_tqdm",
                           "seed",
                           "bf16",
                           "group_by_length",
                           "resume_from_checkpoint"})
    EXPECT_TRUE(names.contains(name)) << name;
}

TEST(TrainingOptionTable, WhatIsWrittenReadsBackAsTheSame) {
  TrainingOptions options;
  ASSERT_TRUE(set(options, "--learning-rate", {"3e-05"}).has_value());
  ASSERT_TRUE(set(options, "train_file", {"a.csv", "b.csv"}).has_value());
  ASSERT_TRUE(set(options, "generation_config", {"num_beams=4,length_penalty=0.8"}).has_value());
  ASSERT_TRUE(set(options, "gap_sentence_ratio", {"0.15-0.35"}).has_value());
  ASSERT_TRUE(set(options, "greater_is_better", {"False"}).has_value());
  ASSERT_TRUE(set(options, "lr_scheduler_type", {"cosine_with_restarts"}).has_value());
  ASSERT_TRUE(set(options, "bf16", {}).has_value());
  ASSERT_TRUE(set(options, "save_total_limit", {"null"}).has_value());
  const OrderedJson written = to_json(options);
  TrainingOptions again;
  for (const auto& [name, value] : written.items()) {
    if (value.is_null() && name != "save_total_limit") continue;
    Texts texts;
    for (const auto& item : value.is_array() ? value : OrderedJson::array({value}))
      texts.push_back(item.is_string() ? item.get<std::string>() : item.dump());
    if (!texts.empty()) {
      ASSERT_TRUE(set(again, name, texts).has_value()) << name;
    }
  }
  EXPECT_EQ(to_json(again), written);
  EXPECT_EQ(again.learning_rate, 3e-5);
  EXPECT_EQ(again.train_files.size(), 2U);
  EXPECT_EQ(again.save_total_limit, std::nullopt);
  EXPECT_EQ(changed_options(Json::parse(written.dump()), again), Texts{});
  again.learning_rate = 1e-4;
  EXPECT_EQ(changed_options(Json::parse(written.dump()), again), Texts{"learning_rate"});
}

TEST(TrainingOptionTable, RefusesWhatAnOptionDoesNotTake) {
  EXPECT_EQ(refusal("--max_steps", {"many"}),
            "--max_steps must be a whole number of at least -1, not 'many'.");
  EXPECT_EQ(refusal("learning_rate", {"0"}), "learning_rate must be a number above 0, not '0'.");
  EXPECT_EQ(refusal("adam_beta2", {"1"}), "adam_beta2 must be a number of at least 0 and below 1, not '1'.");
  EXPECT_EQ(refusal("learning_rate", {"nan"}), "learning_rate must be a number above 0, not 'nan'.");
  EXPECT_EQ(refusal("bf16", {"perhaps"}), "bf16 must be true or false, not 'perhaps'.");
  EXPECT_EQ(refusal("save_strategy", {"never"}),
            "save_strategy must be one of no, steps, epoch, not 'never'.");
  EXPECT_EQ(refusal("max_steps", {"3", "4"}), "max_steps takes one value.");
  EXPECT_EQ(refusal("max_steps", {}), "max_steps takes one value.");
  EXPECT_EQ(refusal("logging_steps", {"2.0"}), "");
  EXPECT_FALSE(refusal("logging_steps", {"2.5"}).empty());
  EXPECT_FALSE(refusal("generation_config", {"num_beams"}).empty());
}

TEST(TrainingOptionTable, NamesTheNearestOfAnUnknownOption) {
  EXPECT_EQ(
      refusal("--leraning-rate", {"1"}),
      "There is no option --leraning-rate; did you mean --learning-rate? Run 'epicrisis train --help'.");
  EXPECT_EQ(refusal("eval_strateg", {"no"}),
            "There is no option eval_strateg; did you mean eval_strategy? Run 'epicrisis train --help'.");
  EXPECT_EQ(refusal("--zzz", {"1"}), "There is no option --zzz. Run 'epicrisis train --help'.");
}

// What transformers' EarlyStoppingCallback counts (trainer_callback.py, check_metric_value).
TEST(ModelSelection, CountsEvaluationsThatGainNoMoreThanTheThreshold) {
  TrainingOptions options;
  options.metric_for_best_model = "loss";
  options.early_stopping_patience = 2;
  options.early_stopping_threshold = 0.1;
  const ModelSelection selection(options);
  SelectionState state;
  EXPECT_TRUE(selection.take(state, 3.0));
  EXPECT_EQ(state.evaluations_without_gain, 0);
  EXPECT_TRUE(selection.take(state, 2.95));  // the best, but by too little
  EXPECT_EQ(state.evaluations_without_gain, 1);
  EXPECT_TRUE(selection.take(state, 2.5));
  EXPECT_EQ(state.evaluations_without_gain, 0);
  EXPECT_FALSE(selection.take(state, 2.5));
  EXPECT_FALSE(selection.is_exhausted(state));
  EXPECT_FALSE(selection.take(state, 4.0));
  EXPECT_TRUE(selection.is_exhausted(state));
  EXPECT_EQ(state.best_metric, 2.5);
}

TEST(ModelSelection, GreaterIsBetterUnlessItIsALoss) {
  TrainingOptions options;
  SelectionState state;
  EXPECT_EQ(ModelSelection(options).metric(), "rougeL");
  EXPECT_TRUE(ModelSelection(options).take(state, 10) && ModelSelection(options).take(state, 11));
  options.metric_for_best_model = "eval_loss";
  state = {};
  EXPECT_TRUE(ModelSelection(options).take(state, 10));
  EXPECT_FALSE(ModelSelection(options).take(state, 11));
  options.greater_is_better = true;
  EXPECT_TRUE(ModelSelection(options).take(state, 12));
}

class Warnings final : public TrainingObserver {
 public:
  void on_stage(std::string_view) override {}
  void on_progress(const TrainingProgress&) override {}
  void on_metrics(const Json&) override {}
  void on_warning(std::string_view message) override { said += std::string(message) + "\n"; }
  bool stop_requested() override { return false; }
  std::string said;
};

class Checkpoints : public ::testing::Test {
 protected:
  void SetUp() override {
    auto folder = TemporaryDirectory::create();
    ASSERT_TRUE(folder.has_value());
    folder_.emplace(*std::move(folder));
    options_.output_dir = folder_->path();
  }
  void make(int step, const std::string& best = "") const {
    const fs::path folder = folder_->path() / checkpoint_name(step);
    fs::create_directory(folder);
    write(folder / "trainer_state.json", Json{{"best_model_checkpoint", best}}.dump());
    write(folder / "model.safetensors", "weights of step " + std::to_string(step));
    ASSERT_TRUE(write_checksums(folder).has_value());
  }
  static void write(const fs::path& path, const std::string& content) {
    ASSERT_TRUE(write_file_atomically(path, content).has_value());
  }
  void damage(int step) const {
    write(folder_->path() / checkpoint_name(step) / "model.safetensors", "other");
  }
  std::vector<std::int64_t> steps() const {
    std::vector<std::int64_t> all;
    for (const fs::path& folder : find_checkpoints(folder_->path()))
      all.push_back(step_of_checkpoint(folder));
    return all;
  }
  /// The step gone on from; -1 for the beginning, -2 for an error, which `said_` then holds.
  std::int64_t resumed(const std::string& from) {
    options_.resume_from_checkpoint = from;
    Warnings observer;
    const auto folder = checkpoint_to_resume(options_, observer);
    said_ = observer.said + (folder ? "" : folder.error().to_line());
    return !folder ? -2 : *folder ? step_of_checkpoint(**folder) : -1;
  }
  std::optional<TemporaryDirectory> folder_;
  TrainingOptions options_;
  std::string said_;
};

using Steps = std::vector<std::int64_t>;

TEST_F(Checkpoints, TheOldestGoAndTheBestStays) {
  for (const int step : {5, 10, 15, 20}) make(step);
  remove_old_checkpoints(folder_->path(), 2, "checkpoint-5", 20);
  EXPECT_EQ(steps(), (Steps{5, 20}));
  make(25);
  remove_old_checkpoints(folder_->path(), 1, "checkpoint-5", 25);
  EXPECT_EQ(steps(), (Steps{5, 25})) << "the best and the newest, whatever the limit";
  remove_old_checkpoints(folder_->path(), 0, "", 25);
  EXPECT_EQ(steps(), (Steps{5, 25})) << "0 keeps all";
}

TEST_F(Checkpoints, EveryFileIsHeldToItsChecksum) {
  make(5);
  const fs::path folder = folder_->path() / "checkpoint-5";
  EXPECT_TRUE(verify_checksums(folder).has_value());
  write(folder / "extra.json", "{}");
  EXPECT_EQ(verify_checksums(folder).error().to_line(),
            "checkpoint-5 is damaged. (extra.json is not in SHA256SUMS)");
  fs::remove(folder / "extra.json");
  fs::remove(folder / "model.safetensors");
  EXPECT_EQ(verify_checksums(folder).error().detail, "model.safetensors is not there");
  fs::remove(folder / "SHA256SUMS");
  EXPECT_EQ(verify_checksums(folder).error().detail, "SHA256SUMS is not there");
}

TEST_F(Checkpoints, GoesOnFromTheNewestThatIsWhole) {
  EXPECT_EQ(resumed("last"), -1);
  EXPECT_EQ(resumed("true"), -2);
  for (const int step : {5, 10, 15}) make(step);
  EXPECT_EQ(resumed("last"), 15);
  EXPECT_EQ(said_, "");
  damage(15);
  EXPECT_EQ(resumed("true"), 10);
  EXPECT_NE(said_.find("checkpoint-15 is damaged. (model.safetensors is not what SHA256SUMS says)"),
            std::string::npos)
      << said_;
  EXPECT_NE(said_.find("Going on from checkpoint-10."), std::string::npos) << said_;
  damage(10);
  damage(5);
  EXPECT_EQ(resumed("last"), -2);
  EXPECT_NE(said_.find("no checkpoint left that is whole"), std::string::npos) << said_;
}

TEST_F(Checkpoints, NeedsTheBestThatItNames) {
  make(5);
  make(10, "checkpoint-5");
  EXPECT_EQ(resumed("last"), 10);
  damage(5);
  EXPECT_EQ(resumed("last"), -2);
  EXPECT_NE(said_.find("checkpoint-10 needs checkpoint-5"), std::string::npos) << said_;
  options_.load_best_model_at_end = false;
  EXPECT_EQ(resumed("last"), 10);
}

TEST_F(Checkpoints, LaterOnesAreNotMixedWithThoseOfARunFromBeforeThem) {
  make(5);
  make(10);
  EXPECT_EQ(resumed((folder_->path() / "checkpoint-5" / "").string()), -2);
  EXPECT_NE(said_.find("checkpoint-5 is followed by checkpoint-10"), std::string::npos) << said_;
  options_.overwrite_output_dir = true;
  EXPECT_EQ(resumed((folder_->path() / "checkpoint-5").string()), 5);
  EXPECT_EQ(steps(), Steps{5});
  EXPECT_EQ(resumed((folder_->path() / "checkpoint-6").string()), -2);
}

TEST_F(Checkpoints, AFolderIsHeldByOneRunAndClearedOfLeftovers) {
  fs::create_directory(folder_->path() / ".epicrisis-aB3dE6");
  write(folder_->path() / ".epicrisis-aB3dE6" / "model.safetensors", "half");
  write(folder_->path() / "metrics.jsonl.tmp-aB3dE6", "half");
  write(folder_->path() / "notes.tmp", "the user's own");
  {
    const auto held = OutputFolder::open(options_);
    ASSERT_TRUE(held.has_value()) << held.error().to_line();
    EXPECT_EQ(OutputFolder::open(options_).error().code, ErrorCode::kConflict);
  }
  EXPECT_FALSE(fs::exists(folder_->path() / ".epicrisis-aB3dE6"));
  EXPECT_FALSE(fs::exists(folder_->path() / "metrics.jsonl.tmp-aB3dE6"));
  EXPECT_TRUE(fs::exists(folder_->path() / "notes.tmp"));
  make(5);
  EXPECT_EQ(OutputFolder::open(options_).error().code, ErrorCode::kConflict) << "an interrupted run";
  options_.overwrite_output_dir = true;
  EXPECT_TRUE(OutputFolder::open(options_).has_value());
  EXPECT_EQ(steps(), Steps{});
}

}  // namespace
}  // namespace epicrisis::train
