#pragma once

#include <filesystem>
#include <vector>

#include "base/result.hpp"
#include "train/report/training_report.hpp"
#include "train/training_options.hpp"

namespace epicrisis::train {

/// The files that settle what a run gave, with their hashes: its data, the model it started from and the one
/// it left in options.output_dir. A file that is not here (any more) is left out.
Result<std::vector<FileIdentity>> identify_files(const TrainingOptions& options);

}  // namespace epicrisis::train
