#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace epicrisis::data {

/// One note with its reference summary. All text fields are clinical text: valid UTF-8, as in the file.
struct DatasetRow {
  std::size_t row = 0;  ///< Record number in the file, 1 for the first after the header.
  std::string id;    ///< Column "id"; the row number where the file has no such column or its field is empty.
  std::string note;  ///< Never blank.
  std::string summary;  ///< Never blank when required; else "" where the column or the field is missing.
  std::map<std::string, std::string> extra;  ///< The columns asked for, by name.
};

/// Which columns to read and what a row must have.
struct DatasetOptions {
  std::string note_column = "note";
  std::string summary_column = "summary";
  bool require_summary = true;
  std::vector<std::string> extra_columns;  ///< Must be there; their fields may be empty.
  std::size_t max_rows = 0;                ///< Stop after so many rows; 0 reads all.
};

/// Reads a data set: CSV with a header, or JSON Lines (one object a line, the same names, string values) when
/// the name ends in .jsonl, .ndjson or .json; either may be gzip-compressed (.gz). Every row is returned or
/// the reading fails: rows are never dropped. Blank lines are no rows.
///
/// Errors: kNotFound; kInvalidArgument for a missing column, an empty file or a blank field; kCorrupt for
/// text that breaks its format (see CsvReader). Each names file, row and field, never the text in them.
Result<std::vector<DatasetRow>> read_dataset(const std::filesystem::path& path,
                                             const DatasetOptions& options = {});

}  // namespace epicrisis::data
