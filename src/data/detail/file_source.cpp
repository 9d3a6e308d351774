#include "data/detail/file_source.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cerrno>

#include "base/files.hpp"

namespace epicrisis::data::detail {
namespace {

constexpr unsigned kBufferBytes = 1U << 18;

gzFile handle(void* file) { return static_cast<gzFile>(file); }

}  // namespace

void FileSource::Close::operator()(void* file) const noexcept { gzclose(handle(file)); }

Result<FileSource> FileSource::open(const std::filesystem::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return system_error(errno, "open", path);
  struct stat status {};
  if (::fstat(descriptor, &status) == 0 && S_ISDIR(status.st_mode)) {
    ::close(descriptor);
    return system_error(EISDIR, "read", path);
  }
  gzFile file = gzdopen(descriptor, "rb");  // passes uncompressed bytes through
  if (file == nullptr) {
    ::close(descriptor);
    return system_error(ENOMEM, "open", path);
  }
  gzbuffer(file, kBufferBytes);
  return FileSource(path, file);
}

Result<std::size_t> FileSource::read(std::span<char> buffer) {
  errno = 0;
  const int count = gzread(handle(file_.get()), buffer.data(), static_cast<unsigned>(buffer.size()));
  int status = Z_OK;
  gzerror(handle(file_.get()), &status);
  if (status == Z_ERRNO) return system_error(errno, "read", path_);
  // A stream that stops early is reported only beside its last bytes (Z_BUF_ERROR), so both are checked.
  if (count < 0 || status == Z_BUF_ERROR || status == Z_DATA_ERROR) {
    return Error{ErrorCode::kCorrupt,
                 fmt::format("'{}' is a damaged or incomplete gzip file; copy it again.", path_.string()),
                 ""};
  }
  return static_cast<std::size_t>(count);
}

}  // namespace epicrisis::data::detail
