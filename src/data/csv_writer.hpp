#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.hpp"
#include "base/result.hpp"

namespace epicrisis::data {

/// `field` as RFC 4180 writes it: in quotes when it holds a comma, a quote, a line break or outer blanks
/// (which some readers trim), with quotes doubled; else as it is.
std::string csv_field(std::string_view field);

/// Writes a CSV file (RFC 4180: CRLF record ends, UTF-8, no byte order mark). The file appears whole on
/// commit(), or not at all. Not thread-safe.
class CsvWriter {
 public:
  static Result<CsvWriter> create(std::filesystem::path target, std::span<const std::string> header);

  /// Precondition: as many fields as the header has.
  Result<void> write(std::span<const std::string> fields);
  Result<void> commit();

 private:
  CsvWriter(AtomicFile file, std::size_t columns) : file_(std::move(file)), columns_(columns) {}

  AtomicFile file_;
  std::size_t columns_;
  std::string pending_;  ///< Records gathered so that each costs no system call.
};

}  // namespace epicrisis::data
