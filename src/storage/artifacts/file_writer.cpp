#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/files.hpp"
#include "base/folders.hpp"
#include "storage/artifacts/detail/file_writer.hpp"

namespace epicrisis::storage::detail {
namespace {

/// The disk starts early on what a large object brings, so that the final sync has little left to wait for.
constexpr std::uint64_t kWriteBackBytes = 8U << 20;

}  // namespace

Result<FileWriter> FileWriter::create(BlobFolder& folder, const std::string& bucket) {
  std::string blob = BlobFolder::new_name();
  std::filesystem::path path = folder.path_of(bucket, blob);
  int descriptor = -1;
  // Twice: the folder of a bucket that is deleted and made anew may go in between.
  for (int attempt = 0; attempt < 2 && descriptor < 0; ++attempt) {
    EPICRISIS_RETURN_IF_ERROR(folder.prepare(bucket, blob));
    descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  }
  if (descriptor < 0) return system_error(errno, "create", path);
  return FileWriter(std::move(path), std::move(blob), descriptor);
}

FileWriter::FileWriter(std::filesystem::path path, std::string blob, int descriptor)
    : path_(std::move(path)), segment_{std::move(blob), 0}, descriptor_(descriptor) {}

FileWriter::FileWriter(FileWriter&& other) noexcept
    : path_(std::move(other.path_)),
      segment_(std::move(other.segment_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      kept_(other.kept_),
      md5_(std::move(other.md5_)),
      etag_(std::move(other.etag_)) {}

FileWriter::~FileWriter() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  if (!kept_) ::unlink(path_.c_str());
}

Result<void> FileWriter::write(std::string_view bytes) {
  const std::uint64_t before = segment_.size_bytes;
  md5_.update(bytes);
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return system_error(errno, "write", path_);
    }
    bytes.remove_prefix(static_cast<std::size_t>(written));
    segment_.size_bytes += static_cast<std::uint64_t>(written);
  }
  const std::uint64_t done = before / kWriteBackBytes * kWriteBackBytes;
  const std::uint64_t now = segment_.size_bytes / kWriteBackBytes * kWriteBackBytes;
  if (now > done) {
    ::sync_file_range(descriptor_, static_cast<off64_t>(done), static_cast<off64_t>(now - done),
                      SYNC_FILE_RANGE_WRITE);
  }
  return {};
}

const std::string& FileWriter::finish() {
  if (etag_.empty()) etag_ = to_hex(md5_.finish());
  return etag_;
}

Result<void> FileWriter::sync() {
  if (::fsync(descriptor_) != 0) return system_error(errno, "write", path_);
  return sync_to_disk(path_.parent_path());
}

}  // namespace epicrisis::storage::detail
