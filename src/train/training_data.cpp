#include "train/training_data.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>
#include <tuple>

#include "checkpoint/task_prefix.hpp"
#include "data/corpus_reader.hpp"
#include "data/data_location.hpp"
#include "data/dataset_reader.hpp"
#include "data/prepare_dataset.hpp"
#include "train/data_report.hpp"

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

Prompt prompt_of(const Json& config) {
  return {task_prefix(config, "summarization"), task_suffix(config, "summarization")};
}

std::optional<TokenId> continuation_end(const Architecture& architecture) {
  if (architecture.topology == Topology::kEncoderDecoder) return std::nullopt;
  return architecture.eos_token_id;
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
  request.format = {prompt_of(setup.start.config), continuation_end(setup.start.architecture)};
  EPICRISIS_ASSIGN_OR_RETURN(request.tokenizer_sha256, data::tokenizer_sha256(setup.tokenizer_folder));
  const EncodeOptions whole{.add_special_tokens = !request.format.continuation_end};
  if (setup.tokenizer.encode(request.format.prompt.around(""), whole).ids.size() >= options.max_source_length)
    return invalid(
        "The prompt leaves no room for the note in --max-source-length; shorten the one or raise the other.");
  return request;
}

Result<data::PreparedDataset> prepare(const TrainingOptions& options, TrainingObserver& observer,
                                      const TrainingSetup& setup) {
  EPICRISIS_ASSIGN_OR_RETURN(const data::DataRequest request, request_for(options, setup));
  const fs::path folder = dataset_cache_dir(options);
  auto prepared = data::prepare_dataset(request, setup.tokenizer, folder,
                                        [&](std::string_view warning) { observer.on_warning(warning); });
  std::error_code ignored;
  if (!prepared) fs::remove(folder, ignored);  // when it is empty
  return prepared;
}

/// What was prepared elsewhere must be what this run would have prepared.
Result<void> check_prepared(const Json& settings, const TrainingOptions& options,
                            const TrainingSetup& setup) {
  EPICRISIS_ASSIGN_OR_RETURN(const std::string tokenizer, data::tokenizer_sha256(setup.tokenizer_folder));
  const Prompt prompt = prompt_of(setup.start.config);
  const auto end = continuation_end(setup.start.architecture);
  const std::vector<std::tuple<const char*, Json, const char*>> expected = {
      {"tokenizer_sha256", tokenizer, "another tokenizer; choose the model that it was prepared for"},
      {"continuation_end", end ? Json(*end) : Json(nullptr), "a model of another kind"},
      {"prompt_before", prompt.before, "another prompt; give the same --prompt-template"},
      {"prompt_after", prompt.after, "another prompt; give the same --prompt-template"},
      {"max_source_tokens", options.max_source_length, "another --max-source-length; give the same"},
      {"max_target_tokens", options.max_target_length, "another --max-target-length; give the same"}};
  for (const auto& [name, value, what] : expected)
    if (!settings.contains(name) || settings[name] != value)
      return invalid(
          fmt::format("The data in {} was prepared with {}.", options.prepared_data.string(), what));
  return {};
}

Result<data::PreparedDataset> open_prepared(const TrainingOptions& options, const TrainingSetup& setup) {
  if (!options.train_files.empty() || !options.validation_files.empty() ||
      options.validation_split_percentage > 0 || options.max_train_samples > 0 ||
      options.max_eval_samples > 0)
    return invalid("--prepared-data stands in for the options that choose files and rows; leave those out.");
  EPICRISIS_ASSIGN_OR_RETURN(data::PreparedDataset prepared,
                             data::PreparedDataset::open(options.prepared_data));
  const Json settings = prepared.description.value("settings", Json::object());
  EPICRISIS_RETURN_IF_ERROR(check_prepared(settings, options, setup));
  return prepared;
}

Result<void> read_pairs(const TrainingOptions& options, TrainingObserver& observer, TrainingSetup& setup) {
  EPICRISIS_ASSIGN_OR_RETURN(data::PreparedDataset prepared, options.prepared_data.empty()
                                                                 ? prepare(options, observer, setup)
                                                                 : open_prepared(options, setup));
  EPICRISIS_RETURN_IF_ERROR(report_data(prepared, options, observer));
  setup.data = std::move(prepared.description);
  setup.data["folder"] = prepared.folder.string();
  setup.train = std::move(prepared.train);
  if (prepared.validation) setup.validation.references = References(*prepared.validation);
  setup.validation.examples = std::move(prepared.validation);
  return {};
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
    return data::GapSentenceDataset::build(documents, setup.tokenizer, limits, options.gap_sentences, seed);
  };
  EPICRISIS_ASSIGN_OR_RETURN(setup.train, read(options.train_files, options.max_train_samples, options.seed));
  if (options.validation_files.empty()) return {};
  EPICRISIS_ASSIGN_OR_RETURN(setup.validation.examples,
                             read(options.validation_files, options.max_eval_samples, 0));
  return {};
}

}  // namespace

fs::path dataset_cache_dir(const TrainingOptions& options) {
  if (!options.dataset_cache_dir.empty()) return options.dataset_cache_dir;
  return options.output_dir / (options.prepare_only ? "prepared-data" : "dataset-cache");
}

Result<void> settle_prompt(const TrainingOptions& options, Json& config) {
  if (options.prompt_template.empty()) return {};
  const Result<Prompt> prompt = parse_prompt(options.prompt_template);
  if (!prompt) return invalid("--prompt-template must hold '{note}' once: the note goes there.");
  for (const char* place : {"/task_specific_params", "/task_specific_params/summarization"}) {
    Json& object = config[Json::json_pointer(place)];
    if (!object.is_object()) object = Json::object();
  }
  // At the top for whichever task the model is served as; the task's own would go before it.
  for (Json* const place : {&config, &config["task_specific_params"]["summarization"]}) {
    (*place)["prefix"] = prompt->before;
    place->erase("suffix");
    if (!prompt->after.empty()) (*place)["suffix"] = prompt->after;
  }
  return {};
}

Result<void> read_training_data(const TrainingOptions& options, TrainingObserver& observer,
                                TrainingSetup& setup) {
  return options.objective == Objective::kSummarize ? read_pairs(options, observer, setup)
                                                    : read_gap_sentences(options, setup);
}

}  // namespace epicrisis::train
