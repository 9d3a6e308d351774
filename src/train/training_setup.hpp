#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.hpp"
#include "data/tokenised_dataset.hpp"
#include "text/tokenizer.hpp"
#include "train/run_training.hpp"
#include "train/training_options.hpp"

namespace epicrisis::train {

/// Validation data: examples for the loss and, for summaries, the reference texts.
struct ValidationData {
  std::unique_ptr<data::TokenisedDataset> examples;
  std::vector<std::string> references;  ///< Clinical text; empty for gap sentences.
};

/// Everything a run reads before its first step.
struct TrainingSetup {
  Checkpoint start;  ///< Config and weights to start from; no weights when training from scratch.
  bool from_scratch = false;
  std::filesystem::path tokenizer_folder;
  Tokenizer tokenizer;
  std::unique_ptr<data::TokenisedDataset> train;
  ValidationData validation;
};

/// Reads model, tokenizer and data. Errors: kInvalidArgument for options that contradict each other or the
/// data, and what the readers report.
Result<TrainingSetup> prepare_training(const TrainingOptions& options, TrainingObserver& observer);

/// generation_config.json for the finished model: what the model had (a new one: beams of four without
/// repeated trigrams), the length limit, then the overrides. Errors: kInvalidArgument for an unknown setting.
Result<Json> generation_config_for(const Checkpoint& start, bool from_scratch,
                                   const TrainingOptions& options);
/// Gives the summarization settings in config.json, which go before generation_config.json, that file's
/// values.
void settle_task_settings(Checkpoint& start);

}  // namespace epicrisis::train
