#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "data/detail/file_source.hpp"
#include "data/detail/utf8_scanner.hpp"

namespace epicrisis::data::detail {

/// One non-blank line of a JSON Lines file.
struct JsonLine {
  std::size_t number = 0;  ///< 1 for the first line that is not blank.
  std::string text;        ///< Without its line end; valid UTF-8 unless there is a fault; not yet parsed.
  std::string fault = {};  ///< Why the text is no UTF-8; empty when it is.
};

/// Reads the lines of a JSON Lines file, gzip decompressed. Not thread-safe.
class JsonlReader {
 public:
  static Result<JsonlReader> open(const std::filesystem::path& path);

  /// The next line that is not blank, or nothing at the end. Errors: kResourceExhausted for a line past
  /// 64 MiB, and what reading the file reports.
  Result<std::optional<JsonLine>> next();

 private:
  explicit JsonlReader(FileSource source) : source_(std::move(source)) {}
  /// The next line, blank or not.
  Result<std::optional<std::string>> next_line();
  Result<void> fill();

  FileSource source_;
  std::string buffer_;  ///< Read but not handed out, from begin_ on.
  std::size_t begin_ = 0;
  std::size_t number_ = 0;
  bool at_start_ = true;
  bool at_end_ = false;
};

}  // namespace epicrisis::data::detail
