#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <vector>

#include "data/batch_plan.hpp"
#include "train/distributed/gradient_reducer.hpp"
#include "train/distributed/process_group.hpp"
#include "train/lr_schedule.hpp"
#include "train/metrics_log.hpp"
#include "train/model_selection.hpp"
#include "train/optimizer.hpp"
#include "train/run_training.hpp"
#include "train/training_checkpoint.hpp"
#include "train/training_setup.hpp"
#include "train/transformer.hpp"

namespace epicrisis::train {

/// One run over the data: updates, logs, evaluations, checkpoints. Everything random follows from the seed,
/// the epoch, the step and the rank, so that a resumed run gives the numbers of an uninterrupted one. The
/// processes of a group run the same loop, each on its share of every batch; rank 0 alone writes. What is
/// passed in must outlive it.
class TrainingLoop {
 public:
  /// Restores the checkpoint that the options name. Errors as run_training().
  static Result<TrainingLoop> create(const TrainingOptions& options, const TrainingSetup& setup,
                                     Transformer& model, TrainingObserver& observer, ProcessGroup& group);
  /// Trains to the end and writes the finished model. Returns what train_results.json holds.
  Result<Json> run();

 private:
  using Clock = std::chrono::steady_clock;
  TrainingLoop(const TrainingOptions& options, const TrainingSetup& setup, Transformer& model,
               TrainingObserver& observer, ProcessGroup& group);

  Result<void> restore_checkpoint();
  Result<void> resume();
  Result<void> run_epoch();
  data::Batches plan(std::uint64_t epoch) const;
  Result<void> update(std::span<const std::vector<std::uint32_t>> batches);
  /// A loss or gradient that is no number, with the rows of the batches it came from.
  Error diverged(std::string_view what, std::span<const std::vector<std::uint32_t>> batches) const;
  RunParts parts() { return {options_, model_, *optimizer_, state_, identity_, best_parameters_}; }
  data::PackedBatch packed(const std::vector<std::uint32_t>& batch) const;
  /// This process's part of an update, and what the batches hold over all processes.
  struct UpdateShare {
    std::vector<data::PackedBatch> batches;
    std::vector<double> weights;  ///< Of a batch's loss: own labels over all.
  };
  Result<UpdateShare> share_of_update(std::span<const std::vector<std::uint32_t>> batches);
  Result<void> after_update(bool epoch_ends);
  Result<void> log_training();
  Result<void> evaluate();
  Result<void> save_checkpoint_folder();
  Result<void> catch_up();
  Result<Json> finish();
  void report_progress() const;
  bool finished() const;
  /// Of rank 0's clock; where there are several processes, as of the last update.
  double elapsed_seconds() const;
  double elapsed_here() const;
  double learning_rate() const;
  double epochs_done() const;
  std::filesystem::path checkpoint_folder() const;
  bool evaluates() const {
    return setup_.validation.examples != nullptr && options_.eval_strategy != Interval::kNo;
  }

  const TrainingOptions& options_;
  const TrainingSetup& setup_;
  Transformer& model_;
  TrainingObserver& observer_;
  ProcessGroup& group_;
  GradientReducer reducer_;
  LrSchedule schedule_;
  ModelSelection selection_;
  std::unique_ptr<Optimizer> optimizer_;
  RunState state_;
  RunIdentity identity_;
  std::optional<MetricsLog> metrics_;
  std::vector<std::uint32_t> lengths_;
  data::BatchOptions batch_options_;
  std::int64_t total_steps_ = 0;
  std::size_t epoch_batches_ = 1;  ///< Of the epoch under way.
  double elapsed_before_ = 0;      ///< Seconds of the runs this one continues.
  Clock::time_point started_;
  Clock::time_point logged_at_;
  std::int64_t logged_tokens_ = 0;
  double agreed_seconds_ = 0;
  double gradient_norm_ = 0;
  double shown_loss_ = 0;
  double shown_rate_ = 0;
  std::int64_t evaluated_step_ = -1;
  std::int64_t saved_step_ = -1;
  at::Tensor best_parameters_;  ///< Of the best evaluation, when no checkpoint folder keeps them.
};

}  // namespace epicrisis::train
