#include "api/sagemaker/part_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/files.hpp"

namespace epicrisis::api {

Result<PartFile> PartFile::open(const std::filesystem::path& path, std::uint64_t keep_bytes) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (descriptor < 0) return system_error(errno, "open", path);
  PartFile part(path, descriptor);
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) return system_error(errno, "look at", path);
  if (static_cast<std::uint64_t>(status.st_size) < keep_bytes) {
    return Error{ErrorCode::kCorrupt, "The results written before the restart are not all there.", ""};
  }
  if (::ftruncate(descriptor, static_cast<off_t>(keep_bytes)) != 0) return system_error(errno, "cut", path);
  return part;
}

PartFile::PartFile(PartFile&& other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

PartFile::~PartFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<void> PartFile::append(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return system_error(errno, "write", path_);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Result<void> PartFile::sync() {
  if (::fdatasync(descriptor_) != 0) return system_error(errno, "write", path_);
  return {};
}

}  // namespace epicrisis::api
