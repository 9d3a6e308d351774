#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/result.hpp"

namespace epicrisis {

/// The lines of a text file in order, decompressed when it is gzip (whatever its name). Not thread-safe.
class LineReader {
 public:
  /// Errors: kNotFound, kPermissionDenied, kInvalidArgument for a folder.
  static Result<LineReader> open(const std::filesystem::path& path);

  /// The next line without its end ("\n" or "\r\n"); nothing at the end of the file. Errors: kCorrupt for a
  /// damaged gzip stream, kResourceExhausted for a line over 64 MiB.
  Result<std::optional<std::string>> next();

 private:
  struct Close {
    void operator()(void* file) const noexcept;
  };
  LineReader(std::filesystem::path path, void* file) : path_(std::move(path)), file_(file) {}
  Result<bool> refill();

  std::filesystem::path path_;
  std::unique_ptr<void, Close> file_;  ///< A gzFile; zlib's header stays out of this one.
  std::string buffer_;
  std::size_t position_ = 0;
};

}  // namespace epicrisis
