#pragma once

#include <filesystem>

#include "base/result.hpp"
#include "train/container/job_folder.hpp"

namespace epicrisis {

/// Puts the finished run in checkpoints/ where its platform collects it: the model into model/, from where it
/// becomes the artifact, and all else (report, metrics, event files) into output/data/. What is needed to go
/// on stays: checkpoints, metrics and event files.
Result<void> publish_results(const train::JobFolder& job);

/// Copies the model of a checkpoint into model/: what a job has to show that was stopped.
Result<void> publish_checkpoint(const train::JobFolder& job, const std::filesystem::path& checkpoint);

}  // namespace epicrisis
