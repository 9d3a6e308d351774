#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "data/dataset_reader.hpp"

namespace epicrisis::data {

/// Reads what some system predicted for `rows`, in their order: a CSV with a column "prediction" (fields may
/// be empty) and one record for each row. A column "id", where there is one, must agree with the rows.
/// Records past the last row are an error unless `more_allowed` (the rows are only the first of their file).
/// Errors: as CsvReader; kInvalidArgument naming the record where the two files part.
Result<std::vector<std::string>> read_predictions(const std::filesystem::path& path,
                                                  std::span<const DatasetRow> rows,
                                                  bool more_allowed = false);

/// Writes predictions beside their references, without the notes: columns id, prediction, reference.
/// Precondition: one prediction for each row.
Result<void> write_predictions(const std::filesystem::path& path, std::span<const DatasetRow> rows,
                               std::span<const std::string> predictions);

}  // namespace epicrisis::data
