#pragma once

#include <memory>
#include <vector>

#include "base/files.hpp"
#include "base/result.hpp"
#include "train/training_options.hpp"

namespace epicrisis {

class ModelFolder;

/// What a run reads, on this machine for as long as this lives: models out of archives and hubs, files out of
/// buckets.
class TrainingInputs {
 public:
  /// Errors: of fetching; kUnsupported where this build cannot.
  static Result<TrainingInputs> fetch(train::TrainingOptions options);
  TrainingInputs(TrainingInputs&&) noexcept;
  TrainingInputs& operator=(TrainingInputs&&) noexcept;
  ~TrainingInputs();

  /// With paths of this machine.
  const train::TrainingOptions& options() const noexcept { return options_; }

 private:
  explicit TrainingInputs(train::TrainingOptions options);
  train::TrainingOptions options_;
  std::shared_ptr<const ModelFolder> start_;
  std::vector<TemporaryDirectory> fetched_;
};

}  // namespace epicrisis
