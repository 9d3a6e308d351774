#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "base/descriptor.hpp"
#include "base/result.hpp"
#include "train/run_training.hpp"
#include "train/training_options.hpp"

namespace epicrisis::train {

/// The folder that a run writes into, held by one run at a time (flock on the folder itself, so nothing is
/// left of it when the process dies).
class OutputFolder {
 public:
  /// Makes the folder where there is none, takes hold of it, and removes what a killed run left half-written
  /// there. With overwrite_output_dir and nothing to resume, an earlier run's results and checkpoints too.
  /// Errors: kInvalidArgument without a name, kConflict when another run holds it, or an earlier one's
  /// results or checkpoints would be replaced without being asked to.
  static Result<OutputFolder> open(const TrainingOptions& options);
  OutputFolder(OutputFolder&&) noexcept = default;
  OutputFolder& operator=(OutputFolder&&) = delete;
  /// Removes the folder when it was made here and nothing was put in it.
  ~OutputFolder();

 private:
  OutputFolder(std::filesystem::path path, bool made, std::unique_ptr<Descriptor> held)
      : path_(std::move(path)), made_(made), held_(std::move(held)) {}
  std::filesystem::path path_;
  bool made_;
  std::unique_ptr<Descriptor> held_;
};

/// The checkpoint to go on from, whole by its checksums and with the best one that it names; nothing when the
/// run starts at the beginning. Of "last" and "true" the newest that is whole; the observer is warned of each
/// damaged one. Errors: kCorrupt when no whole one is left or the one asked for is damaged, kNotFound, and
/// kConflict for one of output_dir that others follow, unless overwrite_output_dir lets those go.
Result<std::optional<std::filesystem::path>> checkpoint_to_resume(const TrainingOptions& options,
                                                                  TrainingObserver& observer);

}  // namespace epicrisis::train
