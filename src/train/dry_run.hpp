#pragma once

#include <string>

#include "base/json.hpp"
#include "base/result.hpp"
#include "train/run_training.hpp"
#include "train/training_options.hpp"

namespace epicrisis::train {

/// Memory by phase and time of a run that is not started. Reads the data and tokenizes it where there is
/// some, and of the model config.json alone, so that a folder without weights will do. Errors: those of
/// reading.
Result<Json> dry_run(const TrainingOptions& options, TrainingObserver& observer);
/// What dry_run() returned, for people: a table of phases, the time, and what to change if it does not fit.
std::string describe_dry_run(const Json& estimate);

}  // namespace epicrisis::train
