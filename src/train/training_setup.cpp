#include "train/training_setup.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "checkpoint/task_prefix.hpp"
#include "data/corpus_reader.hpp"
#include "data/dataset_reader.hpp"
#include "train/finished_generation_config.hpp"
#include "train/new_model_config.hpp"

namespace epicrisis::train {
namespace {
namespace fs = std::filesystem;

Error invalid(std::string message) { return Error{ErrorCode::kInvalidArgument, std::move(message), {}}; }

bool is_plain_text(const fs::path& path) {
  const std::string name = path.filename().string();
  return name.ends_with(".txt") || name.ends_with(".txt.gz");
}

Result<std::vector<data::DatasetRow>> read_rows(const std::vector<fs::path>& files,
                                                const TrainingOptions& options, bool require_summary) {
  data::DatasetOptions columns;
  columns.note_column = options.note_column;
  columns.summary_column = options.summary_column;
  columns.require_summary = require_summary;
  std::vector<data::DatasetRow> all;
  for (const fs::path& file : files) {
    EPICRISIS_ASSIGN_OR_RETURN(std::vector<data::DatasetRow> rows, data::read_dataset(file, columns));
    std::move(rows.begin(), rows.end(), std::back_inserter(all));
  }
  return all;
}

/// Plain text as it is; of a data set, its notes.
Result<std::vector<std::string>> read_documents(const std::vector<fs::path>& files,
                                                const TrainingOptions& options) {
  std::vector<std::string> all;
  for (const fs::path& file : files) {
    if (is_plain_text(file)) {
      EPICRISIS_ASSIGN_OR_RETURN(std::vector<std::string> documents, data::read_corpus(file));
      std::move(documents.begin(), documents.end(), std::back_inserter(all));
      continue;
    }
    EPICRISIS_ASSIGN_OR_RETURN(std::vector<data::DatasetRow> rows, read_rows({file}, options, false));
    for (data::DatasetRow& row : rows) all.push_back(std::move(row.note));
  }
  return all;
}

template <class Items>
void keep_first(Items& items, std::size_t most) {
  if (most > 0 && items.size() > most) items.resize(most);
}

data::PairFormat pair_format(const Checkpoint& start) {
  data::PairFormat format{task_prefix(start.config, "summarization"), {}};
  if (start.architecture.topology == Topology::kDecoderOnly)
    format.continuation_end = start.architecture.eos_token_id;
  return format;
}

Result<void> read_pairs(const TrainingOptions& options, const data::LengthLimits& limits,
                        TrainingObserver& observer, TrainingSetup& setup) {
  EPICRISIS_ASSIGN_OR_RETURN(std::vector<data::DatasetRow> rows,
                             read_rows(options.train_files, options, true));
  keep_first(rows, options.max_train_samples);
  const data::PairFormat format = pair_format(setup.start);
  auto pairs = data::PairDataset::build(rows, setup.tokenizer, limits, format);
  if (const std::size_t cut = pairs->truncated_sources(); cut > 0)
    observer.on_warning(fmt::format("{} of {} training notes are cut to --max-source-length {}.", cut,
                                    pairs->size(), limits.max_source_tokens));
  setup.train = std::move(pairs);
  if (options.validation_files.empty()) return {};
  EPICRISIS_ASSIGN_OR_RETURN(rows, read_rows(options.validation_files, options, true));
  keep_first(rows, options.max_eval_samples);
  setup.validation.examples = data::PairDataset::build(rows, setup.tokenizer, limits, format);
  for (data::DatasetRow& row : rows) setup.validation.references.push_back(std::move(row.summary));
  return {};
}

Result<void> read_gap_sentences(const TrainingOptions& options, const data::LengthLimits& limits,
                                TrainingSetup& setup) {
  EPICRISIS_ASSIGN_OR_RETURN(std::vector<std::string> documents,
                             read_documents(options.train_files, options));
  keep_first(documents, options.max_train_samples);
  EPICRISIS_ASSIGN_OR_RETURN(
      setup.train, data::GapSentenceDataset::build(documents, setup.tokenizer, limits, options.gap_sentences,
                                                   options.seed));
  if (options.validation_files.empty()) return {};
  EPICRISIS_ASSIGN_OR_RETURN(documents, read_documents(options.validation_files, options));
  keep_first(documents, options.max_eval_samples);
  EPICRISIS_ASSIGN_OR_RETURN(
      setup.validation.examples,
      data::GapSentenceDataset::build(documents, setup.tokenizer, limits, options.gap_sentences, 0));
  return {};
}

Result<Checkpoint> starting_point(const TrainingOptions& options, const Tokenizer& tokenizer) {
  if (!options.model.empty()) {
    if (!options.config_overrides.empty())
      return invalid(
          "--config-overrides shapes a new model and cannot change one that is fine-tuned; leave out one of "
          "--config-overrides and --model-name-or-path.");
    return load_checkpoint(options.model);
  }
  Checkpoint start;
  EPICRISIS_ASSIGN_OR_RETURN(start.config,
                             new_model_config(options.config_overrides, tokenizer,
                                              options.max_source_length + options.max_target_length));
  EPICRISIS_ASSIGN_OR_RETURN(start.architecture, read_architecture(start.config));
  start.generation_config = Json::object();
  return start;
}

Result<void> check_lengths(const TrainingOptions& options, const Architecture& architecture) {
  const auto positions = static_cast<std::size_t>(max_tokens(architecture));
  if (architecture.topology == Topology::kDecoderOnly) {
    if (options.max_source_length + options.max_target_length <= positions) return {};
    return invalid(fmt::format(
        "--max-source-length and --max-target-length together must stay within the model's {} positions: it "
        "reads note and summary as one sequence.",
        positions));
  }
  if (options.max_source_length <= positions && options.max_target_length <= positions) return {};
  return invalid(fmt::format(
      "--max-source-length and --max-target-length must stay within the model's {} positions.", positions));
}

Result<void> check_fit(const TrainingOptions& options, const Architecture& architecture,
                       const Tokenizer& tokenizer) {
  if (tokenizer.vocab_size() > static_cast<std::size_t>(architecture.vocab_size))
    return invalid(
        fmt::format("The tokenizer has {} tokens but the model only {}; choose the tokenizer made for it.",
                    tokenizer.vocab_size(), architecture.vocab_size));
  EPICRISIS_RETURN_IF_ERROR(check_lengths(options, architecture));
  if (options.max_source_length < 8 || options.max_target_length < 4)
    return invalid("--max-source-length must be at least 8 and --max-target-length at least 4.");
  return {};
}

}  // namespace

Result<TrainingSetup> prepare_training(const TrainingOptions& options, TrainingObserver& observer) {
  const fs::path tokenizer_folder = options.tokenizer.empty() ? options.model : options.tokenizer;
  if (tokenizer_folder.empty())
    return invalid("Give --model-name-or-path to fine-tune a model, or --tokenizer to train a new one.");
  if (options.train_files.empty()) return invalid("Give at least one --train-file.");
  EPICRISIS_ASSIGN_OR_RETURN(Tokenizer tokenizer, Tokenizer::load(tokenizer_folder));
  EPICRISIS_ASSIGN_OR_RETURN(Checkpoint start, starting_point(options, tokenizer));
  EPICRISIS_RETURN_IF_ERROR(check_fit(options, start.architecture, tokenizer));
  EPICRISIS_ASSIGN_OR_RETURN(start.generation_config,
                             generation_config_for(start, options.model.empty(), options));
  settle_task_settings(start);
  TrainingSetup setup{
      std::move(start), options.model.empty(), tokenizer_folder, std::move(tokenizer), nullptr, {}};
  if (options.objective == Objective::kGapSentences &&
      setup.start.architecture.topology == Topology::kDecoderOnly)
    return invalid("--objective gap-sentences needs a model with an encoder; choose one, or summarize.");
  observer.on_stage("Reading and tokenizing data");
  const data::LengthLimits limits{options.max_source_length, options.max_target_length};
  EPICRISIS_RETURN_IF_ERROR(options.objective == Objective::kSummarize
                                ? read_pairs(options, limits, observer, setup)
                                : read_gap_sentences(options, limits, setup));
  return setup;
}

}  // namespace epicrisis::train
