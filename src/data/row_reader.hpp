#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "data/dataset_reader.hpp"

namespace epicrisis::data {

/// A row that cannot be used though those behind it can.
struct RowFault {
  ErrorCode code = ErrorCode::kInvalidArgument;
  std::string reason;  ///< What is wrong and what to do; names fields, never holds their text.
};

/// What a record of the file turned out to be: `content` is complete unless there is a fault.
struct ReadRow {
  DatasetRow content;  ///< Its row number is set in any case.
  std::optional<RowFault> fault = std::nullopt;
};

/// Reads a data set row by row; formats as read_dataset(). A row that is blank where it must not be, lacks a
/// member, has another number of fields, or is no UTF-8 or JSON is handed out as a fault. Not thread-safe.
class RowReader {
 public:
  virtual ~RowReader() = default;
  /// Errors: kNotFound, kInvalidArgument for a missing column, kCorrupt for a file that cannot be read.
  static Result<std::unique_ptr<RowReader>> open(const std::filesystem::path& path,
                                                 const DatasetOptions& options);

  /// The next row, or nothing at the end; options.max_rows is the caller's to keep. Errors: what keeps the
  /// rest of the file from being read (a misplaced quote, a damaged gzip stream).
  Result<std::optional<ReadRow>> next();

 protected:
  explicit RowReader(const DatasetOptions& options) : options_(options) {}
  virtual Result<std::optional<ReadRow>> read() = 0;
  const DatasetOptions& options() const noexcept { return options_; }

 private:
  DatasetOptions options_;
};

}  // namespace epicrisis::data
