#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace epicrisis::data {

/// One record of a CSV file after its header.
struct CsvRow {
  std::size_t number = 0;           ///< 1 for the first record after the header; blank lines do not count.
  std::vector<std::string> fields;  ///< As many as the header has; quotes removed, nothing trimmed.
  std::string fault = {};           ///< With CsvFaults::kByRecord: what is wrong with it; then do not use it.
};

/// What a record does that cannot be used though the next one can be found: bytes that are no UTF-8, a NUL,
/// another number of fields than the header's.
enum class CsvFaults {
  kEndReading,  ///< It is an Error, like a misplaced quote, after which no record can be found.
  kByRecord,    ///< It is handed out with its `fault`.
};

/// Reads a CSV file (RFC 4180) record by record: UTF-8 with or without a byte order mark, CRLF or LF, gzip
/// decompressed, lines that hold nothing skipped. The header is required. Not thread-safe.
///
/// Strict: a misplaced or unclosed quote, a record with another number of fields than the header, a NUL, and
/// bytes that are no UTF-8 are each an Error (kCorrupt) naming file, row and field number, never their text.
class CsvReader {
 public:
  /// Opens the file and reads its header.
  static Result<CsvReader> open(const std::filesystem::path& path, CsvFaults faults = CsvFaults::kEndReading);
  CsvReader(CsvReader&&) noexcept;
  CsvReader& operator=(CsvReader&&) noexcept;
  ~CsvReader();

  const std::vector<std::string>& header() const noexcept;
  /// Index of the only column called `name`. Errors: kInvalidArgument when there is none or more than one.
  /// The header is not quoted in them: in a file that lacks one, the first row is a note.
  Result<std::size_t> column(const std::string& name) const;
  /// The next record, or nothing at the end of the file.
  Result<std::optional<CsvRow>> next();

 private:
  struct State;
  explicit CsvReader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace epicrisis::data
