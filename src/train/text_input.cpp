#include "train/text_input.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>

#include "data/corpus_reader.hpp"
#include "data/data_location.hpp"
#include "data/dataset_reader.hpp"
#include "data/prepare_dataset.hpp"
#include "text/tokenizer.hpp"
#include "train/new_model_config.hpp"
#include "train/training_data.hpp"

namespace epicrisis::train {
namespace {
namespace fs = std::filesystem;

using Files = std::vector<fs::path>;

Error invalid(std::string message) { return Error{ErrorCode::kInvalidArgument, std::move(message), {}}; }

Result<std::vector<data::DataFile>> locate(const Files& named) {
  std::vector<data::DataFile> files;
  std::multiset<std::string> short_names;
  for (const fs::path& name : named) {
    EPICRISIS_ASSIGN_OR_RETURN(fs::path path, data::local_file(name.string()));
    short_names.insert(path.filename().string());
    files.push_back({std::move(path), name.string()});
  }
  // The last part of a name is enough to tell files apart, unless it is not.
  for (data::DataFile& file : files)
    if (short_names.count(file.path.filename().string()) == 1) file.name = file.path.filename().string();
  return files;
}

Result<void> check_split(const TrainingOptions& options) {
  const double share = options.validation_split_percentage;
  if (!(share >= 0 && share < 100))
    return invalid("--validation-split-percentage must be at least 0 and below 100.");
  if (share > 0 && !options.validation_files.empty())
    return invalid(
        "--validation-split-percentage takes rows of --train-file and --validation-file names others; leave "
        "out one of them.");
  return {};
}

Result<data::DataRequest> request_for(const TrainingOptions& options, const TrainingSetup& setup) {
  EPICRISIS_RETURN_IF_ERROR(check_split(options));
  data::DataRequest request;
  EPICRISIS_ASSIGN_OR_RETURN(request.train_files, locate(options.train_files));
  EPICRISIS_ASSIGN_OR_RETURN(request.validation_files, locate(options.validation_files));
  request.columns.note_column = options.note_column;
  request.columns.summary_column = options.summary_column;
  request.validation_percentage = options.validation_split_percentage;
  request.split_seed = options.validation_split_seed;
  request.max_train_rows = options.max_train_samples;
  request.max_validation_rows = options.max_eval_samples;
  request.limits = {options.max_source_length, options.max_target_length};
  request.format = pair_format(setup);
  EPICRISIS_ASSIGN_OR_RETURN(request.tokenizer_sha256, data::tokenizer_sha256(setup.tokenizer_folder));
  const EncodeOptions whole{.add_special_tokens = !request.format.continuation_end};
  if (setup.tokenizer->encode(request.format.prompt.around(""), whole).ids.size() >=
      options.max_source_length)
    return invalid(
        "The prompt leaves no room for the note in --max-source-length; shorten the one or raise the other.");
  return request;
}

/// Plain text as it is; of a data set, its notes.
Result<std::vector<std::string>> read_documents(const Files& named, const TrainingOptions& options) {
  data::DatasetOptions columns;
  columns.note_column = options.note_column;
  columns.summary_column = options.summary_column;
  columns.require_summary = false;
  EPICRISIS_ASSIGN_OR_RETURN(const std::vector<data::DataFile> files, locate(named));
  std::vector<std::string> all;
  for (const data::DataFile& file : files) {
    const std::string name = file.path.filename().string();
    if (name.ends_with(".txt") || name.ends_with(".txt.gz")) {
      EPICRISIS_ASSIGN_OR_RETURN(std::vector<std::string> documents, data::read_corpus(file.path));
      std::move(documents.begin(), documents.end(), std::back_inserter(all));
      continue;
    }
    EPICRISIS_ASSIGN_OR_RETURN(std::vector<data::DatasetRow> rows, data::read_dataset(file.path, columns));
    for (data::DatasetRow& row : rows) all.push_back(std::move(row.note));
  }
  return all;
}

}  // namespace

Result<std::shared_ptr<const Tokenizer>> load_tokenizer(const fs::path& folder) {
  EPICRISIS_ASSIGN_OR_RETURN(Tokenizer tokenizer, Tokenizer::load(folder));
  return std::make_shared<const Tokenizer>(std::move(tokenizer));
}

Result<void> check_vocabulary(const Tokenizer* tokenizer, const Architecture& architecture) {
  if (tokenizer->vocab_size() <= static_cast<std::size_t>(architecture.vocab_size)) return {};
  return invalid(
      fmt::format("The tokenizer has {} tokens but the model only {}; choose the tokenizer made for it.",
                  tokenizer->vocab_size(), architecture.vocab_size));
}

Result<Json> config_of_new_model(const TrainingOptions& options, const Tokenizer* tokenizer) {
  return new_model_config(options.config_overrides, *tokenizer,
                          options.max_source_length + options.max_target_length);
}

Result<data::PreparedDataset> prepare_text(const TrainingOptions& options, TrainingObserver& observer,
                                           const TrainingSetup& setup) {
  EPICRISIS_ASSIGN_OR_RETURN(const data::DataRequest request, request_for(options, setup));
  const fs::path folder = dataset_cache_dir(options);
  auto prepared = data::prepare_dataset(request, *setup.tokenizer, folder,
                                        [&](std::string_view warning) { observer.on_warning(warning); });
  std::error_code ignored;
  if (!prepared) fs::remove(folder, ignored);  // when it is empty
  return prepared;
}

Result<void> read_gap_sentences(const TrainingOptions& options, TrainingSetup& setup) {
  if (options.prepare_only || !options.prepared_data.empty() || options.validation_split_percentage > 0)
    return invalid(
        "--objective gap-sentences reads text itself; leave out --prepare-only, --prepared-data and "
        "--validation-split-percentage.");
  const data::LengthLimits limits{options.max_source_length, options.max_target_length};
  const auto read = [&](const Files& files, std::size_t most,
                        std::uint64_t seed) -> Result<std::unique_ptr<data::GapSentenceDataset>> {
    EPICRISIS_ASSIGN_OR_RETURN(std::vector<std::string> documents, read_documents(files, options));
    if (most > 0 && documents.size() > most) documents.resize(most);
    return data::GapSentenceDataset::build(documents, *setup.tokenizer, limits, options.gap_sentences, seed);
  };
  EPICRISIS_ASSIGN_OR_RETURN(setup.train, read(options.train_files, options.max_train_samples, options.seed));
  if (options.validation_files.empty()) return {};
  EPICRISIS_ASSIGN_OR_RETURN(setup.validation.examples,
                             read(options.validation_files, options.max_eval_samples, 0));
  return {};
}

}  // namespace epicrisis::train
