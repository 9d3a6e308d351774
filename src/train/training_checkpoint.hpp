#pragma once

#include <filesystem>
#include <string>

#include "base/json.hpp"
#include "base/result.hpp"
#include "train/model_selection.hpp"
#include "train/optimizer.hpp"
#include "train/training_setup.hpp"
#include "train/transformer.hpp"

namespace epicrisis::train {

/// Where a run stands, besides parameters and moments. Random choices (order, masking, dropout) follow from
/// the seed and these counts, so there is no generator state.
struct RunState {
  std::int64_t step = 0;           ///< Updates made.
  std::uint64_t epoch = 0;         ///< Index of the epoch under way.
  std::size_t batch_in_epoch = 0;  ///< Batches of it already used.
  double elapsed_seconds = 0;
  double logged_loss_sum = 0;  ///< Since the last log line.
  std::int64_t logged_steps = 0;
  std::int64_t tokens = 0;  ///< Trained on so far.
  SelectionState selection;
};

/// What must be equal for a run to go on where another stopped.
struct RunIdentity {
  std::uint64_t seed = 0;
  std::size_t examples = 0;
  std::string data;  ///< SHA-256 of the tokens of the training split; of plain text, of lengths.
  std::size_t batches_per_epoch = 0;
  std::size_t accumulation = 0;
  bool operator==(const RunIdentity&) const = default;
};

struct RunParts {
  const TrainingOptions& options;
  Transformer& model;
  Optimizer& optimizer;
  RunState& state;
  const RunIdentity& identity;
  at::Tensor& best_parameters;  ///< Those of the best evaluation when no folder keeps them; else undefined.
};

/// Writes `folder` (checkpoint-<step>), whole or not at all: a model folder that works as it is, or of an
/// adapted model the adapters alone, plus optimizer.safetensors, trainer_state.json and SHA256SUMS
/// (docs/formats/training-checkpoint.md).
Result<void> save_run(const RunParts& run, const TrainingSetup& setup, const std::filesystem::path& folder);
/// Reads them back. Errors: kConflict when the run was another one, and what reading reports.
Result<void> restore_run(const RunParts& run, const std::filesystem::path& folder);

/// Reads the parameters of such a folder.
Result<void> load_trained(Transformer& model, const std::filesystem::path& folder);

/// The model folder that others load: config, generation settings, weights as `dtype`, tokenizer files.
Result<void> save_model(const Transformer& model, const TrainingSetup& setup,
                        const std::filesystem::path& folder, DType dtype);

}  // namespace epicrisis::train
