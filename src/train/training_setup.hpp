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

}  // namespace epicrisis::train
