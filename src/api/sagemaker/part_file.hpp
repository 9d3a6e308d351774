#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

#include "base/result.hpp"

namespace epicrisis::api {

/// A file that grows over restarts: what was not known to be on disk is cut off when it is opened again.
class PartFile {
 public:
  /// Keeps the first `keep_bytes`. Errors: kCorrupt when there are fewer; those of the disk.
  static Result<PartFile> open(const std::filesystem::path& path, std::uint64_t keep_bytes);
  PartFile(PartFile&& other) noexcept;
  PartFile& operator=(PartFile&&) = delete;
  ~PartFile();

  Result<void> append(std::string_view bytes);
  Result<void> sync();

 private:
  PartFile(std::filesystem::path path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}
  std::filesystem::path path_;
  int descriptor_;
};

}  // namespace epicrisis::api
