#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "train/run_training.hpp"

namespace epicrisis {

/// Where the job lies when `arguments` are `--sagemaker [--prefix DIR]`: DIR, else SAGEMAKER_BASE_DIR, else
/// /opt/ml. Nothing for other arguments. Errors: kInvalidArgument for others beside --sagemaker.
Result<std::optional<std::filesystem::path>> sagemaker_prefix(const std::vector<std::string>& arguments);

/// Trains with options; Errors as run_training().
using TrainFunction = std::function<Result<Json>(train::TrainingOptions, train::TrainingObserver&)>;

/// Runs the training job in the folder `prefix` (docs/formats/opt-ml.md) and returns the exit code: 0, or
/// after a failure, whose reason is then in output/failure, 2 for a job that cannot be and 1 for another.
int run_sagemaker_job(const std::filesystem::path& prefix, const TrainFunction& train);

}  // namespace epicrisis
