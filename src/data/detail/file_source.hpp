#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>

#include "base/result.hpp"

namespace epicrisis::data::detail {

/// The bytes of a file in order, decompressed when it is gzip (whatever its name). Not thread-safe.
class FileSource {
 public:
  /// Errors: kNotFound, kPermissionDenied, kInvalidArgument for a folder.
  static Result<FileSource> open(const std::filesystem::path& path);

  /// Fills the front of `buffer`; 0 only at the end. Errors: kCorrupt for a damaged or truncated gzip stream.
  Result<std::size_t> read(std::span<char> buffer);
  const std::filesystem::path& path() const noexcept { return path_; }

 private:
  struct Close {
    void operator()(void* file) const noexcept;
  };
  FileSource(std::filesystem::path path, void* file) : path_(std::move(path)), file_(file) {}

  std::filesystem::path path_;
  std::unique_ptr<void, Close> file_;  ///< A gzFile; zlib's header stays out of this one.
};

}  // namespace epicrisis::data::detail
