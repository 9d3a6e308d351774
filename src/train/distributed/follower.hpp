#pragma once

#include <string_view>

#include "base/files.hpp"
#include "base/result.hpp"
#include "train/distributed/process_group.hpp"
#include "train/run_training.hpp"
#include "train/training_setup.hpp"

namespace epicrisis::train {

/// Tells nobody anything: rank 0 does.
class FollowingObserver final : public TrainingObserver {
 public:
  /// `asked`: who is asked whether to stop; it must outlive this.
  explicit FollowingObserver(TrainingObserver& asked) : asked_(asked) {}
  void on_stage(std::string_view) override {}
  void on_progress(const TrainingProgress&) override {}
  void on_metrics(const Json&) override {}
  void on_warning(std::string_view) override {}
  bool stop_requested() override { return asked_.stop_requested(); }

 private:
  TrainingObserver& asked_;
};

/// The options of a process other than rank 0: it reads the data that rank 0 has tokenized, and writes into
/// a temporary folder, gone with this.
class FollowerOptions {
 public:
  /// Waits for rank 0 to call let_followers_start(). Errors: of ProcessGroup and of making the folder.
  static Result<FollowerOptions> create(const TrainingOptions& options, ProcessGroup& group);
  const TrainingOptions& options() const noexcept { return options_; }

 private:
  FollowerOptions(TrainingOptions options, TemporaryDirectory folder)
      : options_(std::move(options)), folder_(std::move(folder)) {}
  TrainingOptions options_;
  TemporaryDirectory folder_;
};

/// Rank 0 has read its data, and room for all: the others may. Errors: of ProcessGroup.
Result<void> let_followers_start(ProcessGroup& group, const TrainingSetup& setup);

}  // namespace epicrisis::train
