#pragma once

#include <memory>

#include "base/progress.hpp"
#include "train/run_training.hpp"

namespace epicrisis {

/// Shows a run on standard error, and turns SIGINT and SIGTERM into a request to stop: the first one saves a
/// checkpoint, a second one ends the process at once.
class TerminalObserver : public train::TrainingObserver {
 public:
  explicit TerminalObserver(bool shows_progress);
  void on_stage(std::string_view what) override;
  void on_progress(const train::TrainingProgress& progress) override;
  void on_metrics(const Json& line) override;
  void on_warning(std::string_view message) override;
  bool stop_requested() override;
  /// Ends the progress bar.
  void finish() { progress_.reset(); }

 private:
  bool shows_progress_;
  std::unique_ptr<Progress> progress_;
};

}  // namespace epicrisis
