#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "base/json.hpp"
#include "checkpoint/checkpoint.hpp"
#include "data/prepared_split.hpp"
#include "data/tokenised_dataset.hpp"
#include "train/alignment_guide.hpp"
#include "train/run_training.hpp"
#include "train/training_options.hpp"

namespace epicrisis {
class Tokenizer;
}

namespace epicrisis::train {

/// Summaries as the data set has them: clinical text, read from where the split is mapped, which must outlive
/// it. Empty for gap sentences.
class References {
 public:
  References() = default;
  explicit References(const data::PreparedSplit& split) : split_(&split) {}
  std::size_t size() const noexcept { return split_ == nullptr ? 0 : split_->size(); }
  bool empty() const noexcept { return size() == 0; }
  std::string operator[](std::size_t index) const { return std::string(split_->summary(index)); }

 private:
  const data::PreparedSplit* split_ = nullptr;
};

/// Validation data: examples for the loss and, for summaries, the reference texts.
struct ValidationData {
  std::unique_ptr<data::TokenisedDataset> examples;
  References references;
};

/// Everything a run reads before its first step.
struct TrainingSetup {
  Checkpoint start;  ///< Config and weights to start from; no weights when training from scratch.
  AlignmentGuide alignment;
  bool from_scratch = false;
  std::filesystem::path tokenizer_folder;
  std::shared_ptr<const Tokenizer> tokenizer;  ///< Null in a trainer built alone, which reads no text.
  std::unique_ptr<data::TokenisedDataset> train;
  ValidationData validation;
  Json data;  ///< What the prepared data set says of itself, and its "folder"; null for gap sentences.
};

/// Reads model, tokenizer and data. Errors: kInvalidArgument for options that contradict each other or the
/// data, and what the readers report.
Result<TrainingSetup> prepare_training(const TrainingOptions& options, TrainingObserver& observer);

}  // namespace epicrisis::train
