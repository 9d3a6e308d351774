#include "train/training_data.hpp"

#include <fmt/format.h>

#include <tuple>
#include <utility>
#include <vector>

#include "checkpoint/task_prefix.hpp"
#include "data/prepare_dataset.hpp"
#include "train/data_report.hpp"
#include "train/text_input.hpp"

namespace epicrisis::train {
namespace {
namespace fs = std::filesystem;

Error invalid(std::string message) { return Error{ErrorCode::kInvalidArgument, std::move(message), {}}; }

/// What was prepared elsewhere must be what this run would have prepared.
Result<void> check_prepared(const Json& settings, const TrainingOptions& options,
                            const TrainingSetup& setup) {
  EPICRISIS_ASSIGN_OR_RETURN(const std::string tokenizer, data::tokenizer_sha256(setup.tokenizer_folder));
  const auto& [prompt, end] = pair_format(setup);
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
                                                                 ? prepare_text(options, observer, setup)
                                                                 : open_prepared(options, setup));
  EPICRISIS_RETURN_IF_ERROR(report_data(prepared, options, observer));
  setup.data = std::move(prepared.description);
  setup.data["folder"] = prepared.folder.string();
  setup.train = std::move(prepared.train);
  if (prepared.validation) setup.validation.references = References(*prepared.validation);
  setup.validation.examples = std::move(prepared.validation);
  return {};
}

}  // namespace

fs::path dataset_cache_dir(const TrainingOptions& options) {
  if (!options.dataset_cache_dir.empty()) return options.dataset_cache_dir;
  return options.output_dir / (options.prepare_only ? "prepared-data" : "dataset-cache");
}

data::PairFormat pair_format(const TrainingSetup& setup) {
  const Json& config = setup.start.config;
  const Architecture& architecture = setup.start.architecture;
  data::PairFormat format{{task_prefix(config, "summarization"), task_suffix(config, "summarization")}};
  if (architecture.topology == Topology::kDecoderOnly) format.continuation_end = architecture.eos_token_id;
  return format;
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
