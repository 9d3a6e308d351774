#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/files.hpp"
#include "base/json.hpp"
#include "base/progress.hpp"
#include "commands/commands.hpp"
#include "commands/generation_options.hpp"
#include "data/dataset_reader.hpp"
#include "data/predictions.hpp"
#include "evaluate/baselines.hpp"
#include "evaluate/comparison.hpp"
#include "hub/model_reference.hpp"
#include "shared/dtype_option.hpp"
#include "summarize/summarizer.hpp"

namespace epicrisis {
namespace {

constexpr int kMostRows = 1'000'000'000;
constexpr int kMostBatch = 4096;
constexpr int kMostThreads = 1024;

/// What was given on the command line.
struct Arguments {
  std::string model;
  std::filesystem::path data;
  std::filesystem::path train_data;
  std::vector<std::filesystem::path> system_outputs;
  std::filesystem::path predictions;
  std::string stratify_by;
  std::string note_column = "note";
  std::string summary_column = "summary";
  std::size_t max_samples = 0;
  std::size_t batch_size = 16;
  int threads = 0;
  ComputeType type = ComputeType::kFloat32;
  bool baselines_only = false;
  bool use_stemmer = false;
  bool json = false;
  Json generation = Json::object();
};

std::vector<std::string> column(const std::vector<data::DatasetRow>& rows,
                                std::string data::DatasetRow::*member) {
  std::vector<std::string> values;
  values.reserve(rows.size());
  for (const data::DatasetRow& row : rows) values.push_back(row.*member);
  return values;
}

/// A model made ready to write the summaries that are scored.
struct LoadedModel {
  std::string name;
  ModelFolder folder;  ///< Kept: a folder unpacked for it lives as long as this.
  std::shared_ptr<const Summarizer> summarizer;
  GenerationConfig config;
};

Result<LoadedModel> load_model(const Arguments& arguments) {
  EPICRISIS_ASSIGN_OR_RETURN(ModelFolder folder, resolve_model(arguments.model));
  EPICRISIS_ASSIGN_OR_RETURN(auto summarizer, Summarizer::load(folder.path(), {.threads = arguments.threads,
                                                                               .type = arguments.type}));
  GenerationConfig config = summarizer->defaults();
  config.num_return_sequences = 1;
  EPICRISIS_RETURN_IF_ERROR(config.apply(arguments.generation, true));
  EPICRISIS_RETURN_IF_ERROR(config.validate());
  if (config.num_return_sequences != 1) {
    return Error{ErrorCode::kInvalidArgument,
                 "Only one summary a note is scored: leave out --num-return-sequences.", ""};
  }
  // Of a path only its last part: the table shows what was compared, not where it lay.
  std::filesystem::path path = std::filesystem::path(folder.name()).lexically_normal();
  std::string name = (path.has_filename() ? path : path.parent_path()).filename().string();
  return LoadedModel{std::move(name), std::move(folder), std::move(summarizer), std::move(config)};
}

/// Summarises every note, `batch_size` at a time.
Result<evaluate::SystemOutput> run_model(const LoadedModel& model, std::span<const std::string> notes,
                                         std::size_t batch_size) {
  evaluate::SystemOutput output{.system = model.name, .predictions = {}};
  output.tokens.emplace();
  std::size_t cut_notes = 0;
  Progress progress("Summarising", notes.size(), "notes");
  const auto start = std::chrono::steady_clock::now();
  for (std::size_t first = 0; first < notes.size(); first += batch_size) {
    const auto batch = notes.subspan(first, std::min(batch_size, notes.size() - first));
    EPICRISIS_ASSIGN_OR_RETURN(std::vector<Summary> summaries,
                               model.summarizer->summarize(batch, model.config));
    for (Summary& summary : summaries) {
      output.tokens->push_back(summary.token_ids.size() - static_cast<std::size_t>(summary.given_tokens));
      output.predictions.push_back(std::move(summary.text));
      if (summary.dropped_tokens > 0) ++cut_notes;
    }
    progress.update(output.predictions.size());
  }
  progress.finish();
  output.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (cut_notes > 0) {
    fmt::print(stderr,
               "epicrisis: {} of {} notes are longer than the model reads and were cut at their end\n",
               cut_notes, notes.size());
  }
  return output;
}

/// One run of the command.
class EvaluateCommand {
 public:
  explicit EvaluateCommand(const Arguments& arguments) : arguments_(arguments) {}

  Result<void> run() {
    EPICRISIS_RETURN_IF_ERROR(check());
    EPICRISIS_RETURN_IF_ERROR(read());
    const std::vector<std::string> notes = column(rows_, &data::DatasetRow::note);
    if (uses_model()) EPICRISIS_RETURN_IF_ERROR(add_model(notes));
    add_baselines(notes);

    const std::vector<std::string> references = column(rows_, &data::DatasetRow::summary);
    const auto table =
        evaluate::compare(systems_, references, strata_, {.use_stemmer = arguments_.use_stemmer});
    fmt::print("{}",
               arguments_.json ? evaluate::comparison_json(table) + "\n" : evaluate::comparison_table(table));
    return {};
  }

 private:
  bool uses_model() const {
    return !arguments_.baselines_only && (!arguments_.model.empty() || arguments_.system_outputs.empty());
  }

  Result<void> check() const {
    const auto invalid = [](std::string message) {
      return Error{ErrorCode::kInvalidArgument, std::move(message), ""};
    };
    if (arguments_.baselines_only && !arguments_.model.empty()) {
      return invalid("--baselines-only runs no model: leave out --model.");
    }
    if (!arguments_.predictions.empty() && !uses_model()) {
      return invalid("--predictions writes what a model predicts: give --model.");
    }
    return {};
  }

  /// All that can be wrong with the files is found before the model starts to work.
  Result<void> read() {
    data::DatasetOptions options;
    options.note_column = arguments_.note_column;
    options.summary_column = arguments_.summary_column;
    if (!arguments_.train_data.empty()) {
      EPICRISIS_ASSIGN_OR_RETURN(training_rows_, data::read_dataset(arguments_.train_data, options));
    }
    options.max_rows = arguments_.max_samples;
    if (!arguments_.stratify_by.empty()) options.extra_columns = {arguments_.stratify_by};
    EPICRISIS_ASSIGN_OR_RETURN(rows_, data::read_dataset(arguments_.data, options));
    if (!arguments_.stratify_by.empty()) {
      for (const data::DatasetRow& row : rows_) {
        const std::string& value = row.extra.at(arguments_.stratify_by);
        strata_.push_back(value.empty() ? "(empty)" : value);
      }
    }
    for (const std::filesystem::path& path : arguments_.system_outputs) {
      EPICRISIS_ASSIGN_OR_RETURN(std::vector<std::string> predictions,
                                 data::read_predictions(path, rows_, arguments_.max_samples > 0));
      systems_.push_back({.system = path.stem().string(), .predictions = std::move(predictions)});
    }
    return {};
  }

  Result<void> add_model(std::span<const std::string> notes) {
    if (!arguments_.predictions.empty()) {
      // A folder that cannot be written is better known now than after an hour. Nothing is left there.
      if (auto writable = AtomicFile::create(arguments_.predictions); !writable) return writable.error();
    }
    EPICRISIS_ASSIGN_OR_RETURN(const LoadedModel model, load_model(arguments_));
    EPICRISIS_ASSIGN_OR_RETURN(evaluate::SystemOutput output, run_model(model, notes, arguments_.batch_size));
    if (!arguments_.predictions.empty()) {
      EPICRISIS_RETURN_IF_ERROR(data::write_predictions(arguments_.predictions, rows_, output.predictions));
    }
    systems_.insert(systems_.begin(), std::move(output));
    return {};
  }

  void add_baselines(std::span<const std::string> notes) {
    std::ranges::move(evaluate::note_baselines(notes), std::back_inserter(systems_));
    if (training_rows_.empty()) return;
    Progress progress("Searching training notes", notes.size(), "notes");
    std::ranges::move(evaluate::training_baselines(notes, column(training_rows_, &data::DatasetRow::note),
                                                   column(training_rows_, &data::DatasetRow::summary),
                                                   {.use_stemmer = arguments_.use_stemmer},
                                                   [&](std::size_t done) { progress.update(done); }),
                      std::back_inserter(systems_));
  }

  const Arguments& arguments_;
  std::vector<data::DatasetRow> rows_;
  std::vector<data::DatasetRow> training_rows_;
  std::vector<std::string> strata_;  ///< One a row, or none.
  std::vector<evaluate::SystemOutput> systems_;
};

}  // namespace

void add_evaluate_command(CLI::App& app, CommandAction& chosen) {
  CLI::App* command = app.add_subcommand(
      "evaluate", "Score a model's summaries of a data set with ROUGE, beside baselines that cost nothing");
  auto arguments = std::make_shared<Arguments>();
  command
      ->add_option("--model", arguments->model, "Model folder, .tar.gz or name; left out: the bundled model")
      ->type_name("REF");
  command->add_option("--data", arguments->data, "Notes and reference summaries: CSV or JSON Lines, also .gz")
      ->type_name("FILE")
      ->required();
  command
      ->add_option("--train-data", arguments->train_data,
                   "Training notes and summaries: adds the best constant summary and the nearest note's")
      ->type_name("FILE");
  command
      ->add_option(
          "--system-output", arguments->system_outputs,
          "Score what another system wrote: CSV with a column 'prediction', one record a note; repeatable. "
          "Without --model no model runs")
      ->type_name("CSV");
  command->add_flag("--baselines-only", arguments->baselines_only, "Run no model");
  command
      ->add_option("--predictions", arguments->predictions,
                   "Write id, prediction and reference of each note here")
      ->type_name("CSV");
  command
      ->add_option("--stratify-by", arguments->stratify_by,
                   "Give the table for each value of this column too")
      ->type_name("COLUMN");
  command->add_option("--note-column", arguments->note_column, "Column of the notes")
      ->type_name("COLUMN")
      ->capture_default_str();
  command->add_option("--summary-column", arguments->summary_column, "Column of the references")
      ->type_name("COLUMN")
      ->capture_default_str();
  command->add_flag("--use-stemmer", arguments->use_stemmer,
                    "Compare word stems (Porter, as rouge_score does)");
  command->add_option("--max-samples", arguments->max_samples, "Use the first N rows only; 0: all")
      ->type_name("N")
      ->check(CLI::Range(0, kMostRows));
  command->add_option("--batch-size", arguments->batch_size, "Notes summarised side by side")
      ->type_name("N")
      ->check(CLI::Range(1, kMostBatch))
      ->capture_default_str();
  command->add_option("--threads", arguments->threads, "Threads; 0: one a processor")
      ->type_name("N")
      ->check(CLI::Range(0, kMostThreads));
  add_dtype_option(*command, arguments->type);
  command->add_flag("--json", arguments->json, "One JSON object instead of the table");
  add_generation_options(*command, arguments->generation);
  command->callback(
      [&chosen, arguments] { chosen = [arguments] { return EvaluateCommand(*arguments).run(); }; });
}

}  // namespace epicrisis
