#pragma once

#include <filesystem>
#include <optional>

#include "base/result.hpp"

namespace epicrisis {

/// An exclusive advisory lock (flock) on a file or folder, held until the object dies or the process ends,
/// however it ends. Between threads of one process too: each object has a descriptor of its own.
class FileLock {
 public:
  /// Waits for the lock. A file that is not there is created; a folder must be there.
  static Result<FileLock> acquire(const std::filesystem::path& path);
  /// Nothing when another holder has it.
  static Result<std::optional<FileLock>> try_acquire(const std::filesystem::path& path);
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&& other) noexcept;
  ~FileLock();

 private:
  explicit FileLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_ = -1;
};

}  // namespace epicrisis
