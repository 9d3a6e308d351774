#pragma once

#include <string>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"
#include "data/prepared_dataset.hpp"
#include "train/run_training.hpp"
#include "train/training_options.hpp"

namespace epicrisis::train {

/// What a user should know of the data, a line each, from the statistics of a prepared data set: rows left
/// out, cut, repeated, or shared between the splits. Names files and rows, never their text.
std::vector<std::string> data_warnings(const Json& statistics);

/// Writes data_statistics.json to the output folder, and skipped_rows.csv and duplicate_rows.csv when they
/// list anything; passes the warnings on.
Result<void> report_data(const data::PreparedDataset& prepared, const TrainingOptions& options,
                         TrainingObserver& observer);

}  // namespace epicrisis::train
