// Whole runs of a tiny model.
#include "train/run_training.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>

#include "base/files.hpp"
#include "checkpoint/checkpoint.hpp"
#include "checkpoint/task_prefix.hpp"
#include "generation/generation_config.hpp"
#include "support/fixtures.hpp"
#include "text/tokenizer.hpp"

namespace epicrisis::train {
namespace {
namespace fs = std::filesystem;

class QuietObserver final : public TrainingObserver {
 public:
  void on_stage(std::string_view) override {}
  void on_progress(const TrainingProgress& progress) override { step_ = progress.step; }
  void on_metrics(const Json&) override {}
  void on_warning(std::string_view message) override { warnings += std::string(message) + "\n"; }
  bool stop_requested() override { return stop_at > 0 && step_ >= stop_at; }
  std::int64_t stop_at = 0;
  std::string warnings;

 private:
  std::int64_t step_ = 0;
};

class RunTraining : public ::testing::Test {
 protected:
  void SetUp() override {
    auto folder = TemporaryDirectory::create();
    ASSERT_TRUE(folder.has_value());
    folder_.emplace(*std::move(folder));
    std::string csv = "note,summary\r\n";
    const std::vector<std::string> findings = {"knee pain", "a dry cough", "chest pain", "fever",
                                               "back pain"};
    for (std::size_t i = 0; i < 20; ++i) {
      const std::string& finding = findings[i % findings.size()];
      csv += "\"The patient is " + std::to_string(30 + i) + " years old and reports " + finding +
             ", for two days.\",";
      csv += "\"Has " + finding + ".\"\r\n";
    }
    ASSERT_TRUE(write_file_atomically(path("train.csv"), csv).has_value());
  }
  fs::path path(const std::string& name) const { return folder_->path() / name; }
  TrainingOptions tiny(const std::string& output) const {
    TrainingOptions options;
    options.train_files = {path("train.csv")};
    options.tokenizer = epicrisis::testing::kept_fixtures_dir() / "pegasus" / "xsum-like";
    options.output_dir = path(output);
    options.config_overrides = {{"d_model", "16"},
                                {"encoder_layers", "1"},
                                {"decoder_layers", "1"},
                                {"encoder_attention_heads", "2"},
                                {"decoder_attention_heads", "2"},
                                {"encoder_ffn_dim", "32"},
                                {"decoder_ffn_dim", "32"},
                                {"attention_dropout", "0.1"}};
    options.max_source_length = 48;
    options.max_target_length = 16;
    options.per_device_train_batch_size = 4;
    options.num_train_epochs = 2;
    options.logging_steps = 1;
    options.threads = 1;
    return options;
  }
  /// The value of `key` by step, from metrics.jsonl.
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

TEST_F(RunTraining, LeavesACompleteModelFolder) {
  QuietObserver observer;
  TrainingOptions options = tiny("out");
  options.validation_files = options.train_files;
  options.max_eval_samples = 4;
  const auto results = run_training(options, observer);
  ASSERT_TRUE(results.has_value()) << results.error().to_line();
  EXPECT_EQ((*results)["global_step"], 10);
  for (const char* file : {"config.json", "generation_config.json", "model.safetensors", "tokenizer.json",
                           "tokenizer_config.json", "special_tokens_map.json", "metrics.jsonl",
                           "train_results.json", "report.html", "runs"})
    EXPECT_TRUE(fs::exists(path("out") / file)) << file;
  EXPECT_EQ(logged("out", "loss").size(), 10U);
  EXPECT_EQ(logged("out", "eval_loss").size(), 2U);
  EXPECT_EQ(logged("out", "eval_rougeL").size(), 2U);
}

TEST_F(RunTraining, WritesAReportForItsOwnerOnly) {
  QuietObserver observer;
  TrainingOptions options = tiny("out");
  options.model = options.tokenizer;
  options.config_overrides.clear();
  options.validation_files = options.train_files;
  options.max_steps = 1;
  options.report_examples = 3;
  const auto results = run_training(options, observer);
  ASSERT_TRUE(results.has_value()) << results.error().to_line();
  const fs::path report = path("out") / "report.html";
  EXPECT_EQ(fs::status(report).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  const std::string html = read_file(report).value();
  for (const char* part : {"years old", "The 3 worst", "Before fine-tuning", "nearest note", "Model after"})
    EXPECT_NE(html.find(part), std::string::npos) << part;

  options.overwrite_output_dir = true;
  options.report_examples = 0;
  ASSERT_TRUE(run_training(options, observer).has_value());
  const std::string without = read_file(report).value();
  EXPECT_EQ(without.find("years old"), std::string::npos) << "text of notes";
  EXPECT_NE(without.find("after fine-tuning"), std::string::npos) << "scores hold no text and stay";
}

/// --config-overrides of a new model that trains in a moment.
std::map<std::string, std::string> small_shape(const std::string& family) {
  std::map<std::string, std::string> shape = {{"model_type", family}};
  if (family == "t5") shape.insert({{"d_model", "32"}, {"d_kv", "8"}, {"num_layers", "1"}, {"d_ff", "64"}});
  if (family == "gpt2") shape.insert({{"n_embd", "32"}, {"n_layer", "1"}, {"n_inner", "null"}});
  if (family == "bloom") shape.insert({{"hidden_size", "32"}, {"n_layer", "1"}});
  if (family == "bart" || family == "pegasus")
    shape.insert({{"d_model", "32"}, {"encoder_layers", "1"}, {"decoder_layers", "1"}});
  return shape;
}

class FineTuning : public RunTraining, public ::testing::WithParamInterface<fs::path> {};

/// A folder of any family: trained, evaluated with generation, and written as a folder that loads again.
TEST_P(FineTuning, LeavesAModelOfTheSameFamily) {
  QuietObserver observer;
  TrainingOptions options = tiny("out");
  options.model = GetParam();
  options.tokenizer.clear();
  options.config_overrides.clear();
  options.validation_files = options.train_files;
  options.max_eval_samples = 3;
  options.max_steps = 4;
  options.learning_rate = 1e-3;
  const auto results = run_training(options, observer);
  ASSERT_TRUE(results.has_value()) << results.error().to_line();
  EXPECT_EQ(logged("out", "eval_rougeL").size(), 1U);
  const auto before = load_checkpoint(GetParam()), after = load_checkpoint(path("out"));
  ASSERT_TRUE(before.has_value() && after.has_value()) << (after ? "" : after.error().to_line());
  EXPECT_EQ(after->architecture, before->architecture);
  std::size_t changed = 0;
  for (const auto& [name, tensor] : after->weights.tensors()) {
    const TensorView* old = before->weights.find(name);
    ASSERT_NE(old, nullptr) << name;
    EXPECT_EQ(tensor.shape, old->shape) << name;
    changed += std::ranges::equal(tensor.data, old->data) ? 0 : 1;
  }
  EXPECT_GT(changed, after->weights.tensors().size() / 2);
  EXPECT_TRUE(Tokenizer::load(path("out")).has_value());
  const auto generation = default_generation_config(after->config, after->generation_config);
  ASSERT_TRUE(generation.has_value()) << generation.error().to_line();
  const bool decodes_only = after->architecture.topology == Topology::kDecoderOnly;
  EXPECT_EQ(decodes_only ? generation->max_new_tokens.value_or(0) : generation->max_length, 16);
}

TEST_P(FineTuning, LossFallsFromScratch) {
  const auto shape = load_checkpoint(GetParam());
  ASSERT_TRUE(shape.has_value()) << shape.error().to_line();
  QuietObserver observer;
  TrainingOptions options = tiny("out");
  options.tokenizer = GetParam();
  options.config_overrides = small_shape(shape->architecture.family);
  options.num_train_epochs = 6;
  options.learning_rate = 1e-2;
  const auto results = run_training(options, observer);
  ASSERT_TRUE(results.has_value()) << results.error().to_line();
  const auto losses = logged("out", "loss");
  EXPECT_LT(losses.rbegin()->second, 0.8 * losses.begin()->second);
}

INSTANTIATE_TEST_SUITE_P(Fixtures, FineTuning,
                         ::testing::ValuesIn(epicrisis::testing::find_fixtures("", "train.json")),
                         [](const auto& fixture) { return epicrisis::testing::fixture_name(fixture.param); });

TEST_F(RunTraining, TaskSettingsTakeWhatTheRunAskedFor) {
  const fs::path source = epicrisis::testing::kept_fixtures_dir() / "pegasus" / "xsum-like";
  fs::copy(source, path("model"), fs::copy_options::recursive);
  Json config = *read_json_file(path("model") / "config.json");
  config["task_specific_params"]["summarization"] = {
      {"prefix", "summarize: "}, {"max_length", 200}, {"min_length", 30}, {"num_beams", 4}};
  ASSERT_TRUE(write_file_atomically(path("model") / "config.json", config.dump()).has_value());
  QuietObserver observer;
  TrainingOptions options = tiny("out");
  options.model = path("model");
  options.config_overrides.clear();
  options.max_steps = 1;
  options.generation_overrides = {{"num_beams", "2"}};
  const auto results = run_training(options, observer);
  ASSERT_TRUE(results.has_value()) << results.error().to_line();
  const auto finished = load_checkpoint(path("out"));
  ASSERT_TRUE(finished.has_value());
  const auto generation = default_generation_config(finished->config, finished->generation_config);
  ASSERT_TRUE(generation.has_value());
  EXPECT_EQ(generation->num_beams, 2);
  EXPECT_EQ(generation->max_length, 16);
  EXPECT_EQ(generation->min_length, 16);
  EXPECT_EQ(finished->config["task_specific_params"]["summarization"]["prefix"], "summarize: ");
}

TEST_F(RunTraining, KeepsWhatTheModelGeneratedWith) {
  QuietObserver observer;
  TrainingOptions options = tiny("out");
  options.model = options.tokenizer;
  options.config_overrides.clear();
  options.max_steps = 1;
  ASSERT_TRUE(run_training(options, observer).has_value());
  const auto finished = load_checkpoint(path("out"));
  ASSERT_TRUE(finished.has_value()) << finished.error().to_line();
  const auto generation = default_generation_config(finished->config, finished->generation_config);
  ASSERT_TRUE(generation.has_value()) << generation.error().to_line();
  EXPECT_EQ(generation->num_beams, 8);
  EXPECT_EQ(generation->length_penalty, 0.6);
  EXPECT_EQ(generation->forced_eos_token_ids, std::vector<TokenId>{1});
}

TEST_F(RunTraining, RefusesAStartThatGeneratesInAWayThatIsNotKnown) {
  QuietObserver observer;
  TrainingOptions options = tiny("out");
  fs::copy(options.tokenizer, path("model"), fs::copy_options::recursive);
  Json generation = *read_json_file(path("model") / "generation_config.json");
  generation["num_beam_groups"] = 2;
  ASSERT_TRUE(write_file_atomically(path("model") / "generation_config.json", generation.dump()));
  options.model = path("model");
  options.config_overrides.clear();
  const auto results = run_training(options, observer);
  ASSERT_FALSE(results.has_value());
  EXPECT_EQ(results.error().code, ErrorCode::kUnsupported);
}

// The finished model has a generation_config.json of its own, under which no defaults of the family lie.
TEST_F(RunTraining, WritesOutTheSettingsThatOnlyTheFamilyGave) {
  fs::copy(epicrisis::testing::kept_fixtures_dir() / "bart" / "cnn-like", path("model"),
           fs::copy_options::recursive);
  fs::remove(path("model") / "generation_config.json");
  Json config = *read_json_file(path("model") / "config.json");
  config.erase("forced_eos_token_id");
  config.erase("forced_bos_token_id");
  config["force_bos_token_to_be_generated"] = true;  // its older name
  ASSERT_TRUE(write_file_atomically(path("model") / "config.json", config.dump()).has_value());
  QuietObserver observer;
  TrainingOptions options = tiny("out");
  options.model = path("model");
  options.tokenizer.clear();
  options.config_overrides.clear();
  options.max_steps = 1;
  const auto results = run_training(options, observer);
  ASSERT_TRUE(results.has_value()) << results.error().to_line();
  const auto finished = load_checkpoint(path("out"));
  ASSERT_TRUE(finished.has_value()) << finished.error().to_line();
  const auto generation = default_generation_config(finished->config, finished->generation_config);
  ASSERT_TRUE(generation.has_value()) << generation.error().to_line();
  EXPECT_EQ(generation->forced_eos_token_ids, std::vector<TokenId>{2});
  EXPECT_EQ(generation->forced_bos_token_id, 0);
  EXPECT_EQ(generation->num_beams, 4);
}

TEST_F(RunTraining, LossFalls) {
  QuietObserver observer;
  TrainingOptions options = tiny("out");
  options.num_train_epochs = 12;
  options.learning_rate = 1e-2;
  ASSERT_TRUE(run_training(options, observer).has_value());
  const auto losses = logged("out", "loss");
  EXPECT_LT(losses.rbegin()->second, 0.6 * losses.begin()->second);
}

TEST_F(RunTraining, AResumedRunGivesTheNumbersOfAnUninterruptedOne) {
  QuietObserver whole;
  TrainingOptions options = tiny("whole");
  options.gradient_accumulation_steps = 2;
  options.num_train_epochs = 3;
  ASSERT_TRUE(run_training(options, whole).has_value());

  options.output_dir = path("parts");
  QuietObserver interrupted;
  interrupted.stop_at = 4;  // within an epoch
  const auto stopped = run_training(options, interrupted);
  ASSERT_FALSE(stopped.has_value());
  EXPECT_EQ(stopped.error().code, ErrorCode::kCancelled);
  options.resume_from_checkpoint = "last";
  QuietObserver resumed;
  const auto results = run_training(options, resumed);
  ASSERT_TRUE(results.has_value()) << results.error().to_line();

  EXPECT_EQ(logged("parts", "loss"), logged("whole", "loss"));
  EXPECT_EQ(logged("parts", "grad_norm"), logged("whole", "grad_norm"));
  EXPECT_EQ(read_file(path("parts") / "model.safetensors").value(),
            read_file(path("whole") / "model.safetensors").value());
}

TEST_F(RunTraining, LearnsFromPlainText) {
  std::string text;
  for (int i = 0; i < 30; ++i)
    text += "The patient has pain in the knee. She takes no drugs. The pain began today.\n\n";
  ASSERT_TRUE(write_file_atomically(path("corpus.txt"), text).has_value());
  TrainingOptions options = tiny("out");
  options.objective = Objective::kGapSentences;
  options.train_files = {path("corpus.txt")};
  options.validation_files = options.train_files;
  options.tokens_per_batch = 200;
  QuietObserver observer;
  const auto results = run_training(options, observer);
  ASSERT_TRUE(results.has_value()) << results.error().to_line();
  EXPECT_EQ(logged("out", "eval_loss").size(), 2U);
}

TEST_F(RunTraining, KeepsTheNewestCheckpointsAndTheBest) {
  QuietObserver observer;
  TrainingOptions options = tiny("out");
  options.save_strategy = Interval::kSteps;
  options.save_steps = 2;
  options.save_total_limit = 1;
  ASSERT_TRUE(run_training(options, observer).has_value());
  int folders = 0;
  for (const auto& entry : fs::directory_iterator(path("out")))
    folders += entry.path().filename().string().starts_with("checkpoint-") ? 1 : 0;
  EXPECT_EQ(folders, 1);
  EXPECT_TRUE(fs::exists(path("out") / "checkpoint-10" / "trainer_state.json"));
}

TEST_F(RunTraining, PreparedDataTrainsAsItsFilesDo) {
  TrainingOptions options = tiny("whole");
  options.validation_split_percentage = 20;
  options.prompt_template = "Note: {note} In short:";
  QuietObserver observer;
  ASSERT_TRUE(run_training(options, observer).has_value());
  EXPECT_FALSE(fs::exists(path("whole") / "dataset-cache")) << "clinical text in a finished model";

  TrainingOptions prepare = options;
  prepare.output_dir = path("prepared");
  prepare.prepare_only = true;
  const auto told = run_training(prepare, observer);
  ASSERT_TRUE(told.has_value()) << told.error().to_line();
  EXPECT_EQ((*told)["statistics"]["train"]["rows"], 16);
  EXPECT_FALSE(fs::exists(path("prepared") / "model.safetensors"));

  TrainingOptions later = options;
  later.output_dir = path("later");
  later.train_files.clear();
  later.validation_split_percentage = 0;
  later.prepared_data = (*told)["prepared_data"].get<std::string>();
  const auto results = run_training(later, observer);
  ASSERT_TRUE(results.has_value()) << results.error().to_line();
  EXPECT_EQ(read_file(path("later") / "model.safetensors").value(),
            read_file(path("whole") / "model.safetensors").value());
  EXPECT_EQ(logged("later", "eval_rougeL"), logged("whole", "eval_rougeL"));
  EXPECT_TRUE(fs::exists(later.prepared_data));

  later.output_dir = path("other");
  later.prompt_template.clear();
  const auto other = run_training(later, observer);
  ASSERT_FALSE(other.has_value());
  EXPECT_NE(other.error().public_message.find("--prompt-template"), std::string::npos);
}

TEST_F(RunTraining, ThePromptIsPartOfTheFinishedModel) {
  QuietObserver observer;
  TrainingOptions options = tiny("out");
  options.max_steps = 1;
  options.prompt_template = "Summarize the following note: {note}";
  ASSERT_TRUE(run_training(options, observer).has_value());
  const Json config = *read_json_file(path("out") / "config.json");
  EXPECT_EQ(config["task_specific_params"]["summarization"],
            (Json{{"prefix", "Summarize the following note: "}}));
  EXPECT_EQ(task_prefix(config, "text2text-generation"), "Summarize the following note: ");
  options.output_dir = path("again");  // a model that has a prompt gets another
  options.model = path("out");
  options.tokenizer.clear();
  options.config_overrides.clear();
  options.prompt_template = "{note}\nTL;DR:";
  ASSERT_TRUE(run_training(options, observer).has_value());
  EXPECT_EQ((*read_json_file(path("again") / "config.json"))["task_specific_params"]["summarization"],
            (Json{{"prefix", ""}, {"suffix", "\nTL;DR:"}}));
  EXPECT_EQ(task_suffix(*read_json_file(path("again") / "config.json"), "text-generation"), "\nTL;DR:");
  options.output_dir = path("bad");
  options.prompt_template = "no place";
  EXPECT_EQ(run_training(options, observer).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(RunTraining, TellsWhatItLeavesOutCutsAndFindsTwice) {
  const std::string rows = "note,summary\nCanary rests.,Rests.\n,Canary\nCanary rests.,Rests.\n";
  ASSERT_TRUE(
      write_file_atomically(path("odd.csv"), rows + "Canary eats an egg and a bun and a bean.,Eats.\n")
          .has_value());
  ASSERT_TRUE(write_file_atomically(path("seen.csv"), "note,summary\nCanary rests.,Sleeps.\n").has_value());
  TrainingOptions options = tiny("out");
  options.train_files = {"file://" + path("odd.csv").string()};
  options.validation_files = {path("seen.csv")};
  options.max_source_length = 8;
  options.num_train_epochs = 1;
  QuietObserver observer;
  const auto results = run_training(options, observer);
  ASSERT_TRUE(results.has_value()) << results.error().to_line();
  for (const char* told :
       {"'odd.csv' row 2 is left out: field 'note' is empty", "Left out: 1 of 4 train rows",
        "train notes are cut to --max-source-length", "Repeated notes in the train rows: 1 (1 with",
        "Validation rows whose note is trained on, too: 1 (0 with the same summary), as 'seen.csv' row 1;"})
    EXPECT_NE(observer.warnings.find(told), std::string::npos) << told << "\n" << observer.warnings;
  EXPECT_EQ(observer.warnings.find("Canary"), std::string::npos) << "clinical text";
  for (const char* file : {"data_statistics.json", "skipped_rows.csv", "duplicate_rows.csv"}) {
    const auto content = read_file(path("out") / file);
    ASSERT_TRUE(content.has_value()) << file;
    EXPECT_EQ(content->find("Canary"), std::string::npos) << file;
  }
}

TEST_F(RunTraining, RefusesToReplaceAFinishedRun) {
  QuietObserver observer;
  TrainingOptions options = tiny("out");
  options.max_steps = 1;
  ASSERT_TRUE(run_training(options, observer).has_value());
  EXPECT_EQ(run_training(options, observer).error().code, ErrorCode::kConflict);
  options.overwrite_output_dir = true;
  EXPECT_TRUE(run_training(options, observer).has_value());
}

TEST_F(RunTraining, AlignmentHeadsStayWithTheModel) {
  QuietObserver observer;
  TrainingOptions options = tiny("out");
  options.alignment_heads = {"0:1"};
  options.max_steps = 2;
  ASSERT_TRUE(run_training(options, observer).has_value());
  EXPECT_EQ(read_json_file(path("out") / "config.json")->at("alignment_heads"), Json::parse("[[0, 1]]"));

  // Who goes on from it guides them unless told not to.
  TrainingOptions on = tiny("on");
  on.model = path("out");
  on.tokenizer.clear();
  on.config_overrides.clear();
  on.max_steps = 1;
  ASSERT_TRUE(run_training(on, observer).has_value());
  TrainingOptions unguided = on;
  unguided.output_dir = path("unguided");
  unguided.guided_alignment_weight = 0;
  ASSERT_TRUE(run_training(unguided, observer).has_value());
  EXPECT_GT(logged("on", "loss").at(1), logged("unguided", "loss").at(1));
}

TEST_F(RunTraining, RefusesAlignmentHeadsThatTheModelLacks) {
  QuietObserver observer;
  for (const char* heads : {"1:0", "0:2", "-1:0", "0", "0:", "a:b", ""}) {
    TrainingOptions options = tiny("out");
    options.alignment_heads = {heads};
    EXPECT_EQ(run_training(options, observer).error().code, ErrorCode::kInvalidArgument) << heads;
  }
  TrainingOptions options = tiny("out");
  options.guided_alignment_weight = 1;
  EXPECT_EQ(run_training(options, observer).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(RunTraining, NamesTheNearestConfigKey) {
  QuietObserver observer;
  TrainingOptions options = tiny("out");
  options.config_overrides = {{"encoder_layer", "2"}};
  const auto results = run_training(options, observer);
  ASSERT_FALSE(results.has_value());
  EXPECT_NE(results.error().public_message.find("'encoder_layers'"), std::string::npos);
}

TEST_F(RunTraining, LengthsBeyondThePositionsAreRefused) {
  QuietObserver observer;
  TrainingOptions options = tiny("out");
  options.max_source_length = 4096;
  options.config_overrides["max_position_embeddings"] = "64";
  EXPECT_EQ(run_training(options, observer).error().code, ErrorCode::kInvalidArgument);
  EXPECT_FALSE(fs::exists(options.output_dir)) << "nothing half-written";
}

}  // namespace
}  // namespace epicrisis::train
