#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "train/training_options.hpp"

namespace epicrisis::train {

/// The best evaluation so far; part of what a checkpoint remembers.
struct SelectionState {
  std::optional<double> best_metric;
  /// Folder of its weights in the output folder, or a path elsewhere; empty when no folder keeps them.
  std::string best_checkpoint;
  std::int64_t evaluations_without_gain = 0;  ///< In a row, up to the last one.
};

/// Which evaluation is best, and when there have been enough without a better one: `metric_for_best_model`,
/// `greater_is_better` and transformers' EarlyStoppingCallback.
class ModelSelection {
 public:
  explicit ModelSelection(const TrainingOptions& options);

  /// "rougeL", "loss", ...: what evaluations are compared by.
  const std::string& metric() const noexcept { return metric_; }
  /// Takes in an evaluation. Whether it is the best so far; a gain that does not exceed the threshold makes
  /// it the best and still counts as none for stopping.
  bool take(SelectionState& state, double value) const;
  /// Whether early stopping ends the run.
  bool is_exhausted(const SelectionState& state) const {
    return patience_ > 0 && state.evaluations_without_gain >= patience_;
  }

 private:
  std::string metric_;
  bool greater_is_better_;
  std::int64_t patience_;
  double threshold_;
};

}  // namespace epicrisis::train
