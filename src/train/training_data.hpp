#pragma once

#include <filesystem>

#include "base/result.hpp"
#include "data/pair_encoder.hpp"
#include "train/training_setup.hpp"

namespace epicrisis::train {

/// Reads, tokenizes and splits what the options name into `setup`, whose model and tokenizer are loaded: by
/// way of a prepared data set for notes and summaries. Leaves data_statistics.json in the output folder, and
/// skipped_rows.csv and duplicate_rows.csv when they list anything; warns of rows that are left out, cut,
/// repeated or shared between the splits. Errors: what the readers report.
Result<void> read_training_data(const TrainingOptions& options, TrainingObserver& observer,
                                TrainingSetup& setup);

/// How a pair becomes tokens for the model that `setup` starts from.
data::PairFormat pair_format(const TrainingSetup& setup);

/// Where prepared data is kept: --dataset-cache-dir, else a folder in the output folder, which the end of a
/// run removes, so that a finished model folder holds no clinical text.
std::filesystem::path dataset_cache_dir(const TrainingOptions& options);

/// Gives config.json the prompt that the options ask for, where they do, so that the model is served with it
/// (checkpoint/task_prefix.hpp). Errors: kInvalidArgument for a template without place for the note.
Result<void> settle_prompt(const TrainingOptions& options, Json& config);

}  // namespace epicrisis::train
