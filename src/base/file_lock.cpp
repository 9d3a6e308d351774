#include "base/file_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/files.hpp"

namespace epicrisis {
namespace {

namespace fs = std::filesystem;

Result<int> open_to_lock(const fs::path& path) {
  std::error_code ignored;
  const bool is_folder = fs::is_directory(path, ignored);
  const int flags = is_folder ? O_RDONLY | O_DIRECTORY | O_CLOEXEC : O_RDWR | O_CREAT | O_CLOEXEC;
  const int descriptor = ::open(path.c_str(), flags, 0666);
  if (descriptor < 0) return system_error(errno, "open", path);
  return descriptor;
}

}  // namespace

Result<FileLock> FileLock::acquire(const fs::path& path) {
  EPICRISIS_ASSIGN_OR_RETURN(const int descriptor, open_to_lock(path));
  FileLock lock(descriptor);
  while (::flock(descriptor, LOCK_EX) != 0) {
    if (errno != EINTR) return system_error(errno, "lock", path);
  }
  return lock;
}

Result<std::optional<FileLock>> FileLock::try_acquire(const fs::path& path) {
  EPICRISIS_ASSIGN_OR_RETURN(const int descriptor, open_to_lock(path));
  FileLock lock(descriptor);
  while (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return std::optional<FileLock>();
    if (errno != EINTR) return system_error(errno, "lock", path);
  }
  return std::optional<FileLock>(std::move(lock));
}

FileLock::FileLock(FileLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

FileLock& FileLock::operator=(FileLock&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

FileLock::~FileLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace epicrisis
