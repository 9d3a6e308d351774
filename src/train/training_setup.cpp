#include "train/training_setup.hpp"

#include <fmt/format.h>

#include "train/finished_generation_config.hpp"
#include "train/text_input.hpp"
#include "train/training_data.hpp"

namespace epicrisis::train {
namespace {
namespace fs = std::filesystem;

Error invalid(std::string message) { return Error{ErrorCode::kInvalidArgument, std::move(message), {}}; }

Result<Checkpoint> starting_point(const TrainingOptions& options, const Tokenizer* tokenizer) {
  if (!options.model.empty()) {
    if (!options.config_overrides.empty())
      return invalid(
          "--config-overrides shapes a new model and cannot change one that is fine-tuned; leave out one of "
          "--config-overrides and --model-name-or-path.");
    return load_checkpoint(options.model);
  }
  Checkpoint start;
  EPICRISIS_ASSIGN_OR_RETURN(start.config, config_of_new_model(options, tokenizer));
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
                       const Tokenizer* tokenizer) {
  EPICRISIS_RETURN_IF_ERROR(check_vocabulary(tokenizer, architecture));
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
  if (options.train_files.empty() && options.prepared_data.empty())
    return invalid("Give at least one --train-file.");
  EPICRISIS_ASSIGN_OR_RETURN(std::shared_ptr<const Tokenizer> tokenizer, load_tokenizer(tokenizer_folder));
  EPICRISIS_ASSIGN_OR_RETURN(Checkpoint start, starting_point(options, tokenizer.get()));
  EPICRISIS_RETURN_IF_ERROR(check_fit(options, start.architecture, tokenizer.get()));
  EPICRISIS_ASSIGN_OR_RETURN(start.generation_config,
                             generation_config_for(start, options.model.empty(), options));
  settle_task_settings(start);
  EPICRISIS_RETURN_IF_ERROR(settle_prompt(options, start.config));
  EPICRISIS_ASSIGN_OR_RETURN(AlignmentGuide alignment,
                             settle_alignment_guide(options, start.architecture, start.config));
  TrainingSetup setup{std::move(start),
                      std::move(alignment),
                      options.model.empty(),
                      tokenizer_folder,
                      std::move(tokenizer),
                      nullptr,
                      {},
                      {}};
  if (options.objective == Objective::kGapSentences &&
      setup.start.architecture.topology == Topology::kDecoderOnly)
    return invalid("--objective gap-sentences needs a model with an encoder; choose one, or summarize.");
  observer.on_stage("Reading and tokenizing data");
  EPICRISIS_RETURN_IF_ERROR(read_training_data(options, observer, setup));
  return setup;
}

}  // namespace epicrisis::train
