#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"
#include "data/prepared_split.hpp"

namespace epicrisis::data {

/// A split with what its statistics need besides.
struct CountedSplit {
  std::string name;                ///< "train", "validation".
  const PreparedSplit* split;      ///< Not null.
  std::vector<std::string> files;  ///< Names, as PreparedRow::file counts.
};

/// Counts of one split: rows, lengths in tokens with quantiles, what was cut. No text.
Json length_statistics(const PreparedSplit& split);

/// Writes a line for each repeated row to `path` (CSV: split,file,row,same,of_split,of_file,of_row; `same` is
/// "note" or "note and summary") and returns the counts with the first few: {"train": {...}, "validation":
/// {...}, "shared": {...}}, each {"rows", "rows_with_same_summary", "first": [...]}. `shared`: validation
/// rows whose note is in the training split.
Result<Json> write_repeated_rows(const std::filesystem::path& path, const std::vector<CountedSplit>& splits);

}  // namespace epicrisis::data
