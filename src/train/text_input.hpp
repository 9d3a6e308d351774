#pragma once

#include <filesystem>
#include <memory>

#include "base/json.hpp"
#include "base/result.hpp"
#include "checkpoint/architecture.hpp"
#include "data/prepared_dataset.hpp"
#include "train/training_setup.hpp"

/// What a run needs text for. A trainer that is built alone (docs/gpu.md) has alone/text_input.cpp for it,
/// which leaves text to the full build: kUnsupported.
namespace epicrisis::train {

/// Null in a trainer built alone.
Result<std::shared_ptr<const Tokenizer>> load_tokenizer(const std::filesystem::path& folder);

/// Errors: kInvalidArgument for a tokenizer of more tokens than the model has.
Result<void> check_vocabulary(const Tokenizer* tokenizer, const Architecture& architecture);

/// config.json of a model to be trained from scratch.
Result<Json> config_of_new_model(const TrainingOptions& options, const Tokenizer* tokenizer);

/// Notes and summaries that the options name, tokenized into dataset_cache_dir(). Errors: what the readers
/// report.
Result<data::PreparedDataset> prepare_text(const TrainingOptions& options, TrainingObserver& observer,
                                           const TrainingSetup& setup);

/// Documents that the options name, into `setup`.
Result<void> read_gap_sentences(const TrainingOptions& options, TrainingSetup& setup);

}  // namespace epicrisis::train
