#include "base/files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <system_error>
#include <utility>

#include "base/descriptor.hpp"
#include "base/folders.hpp"

namespace epicrisis {
namespace {

namespace fs = std::filesystem;

Result<std::uint64_t> regular_file_size(int descriptor, const fs::path& path) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) return system_error(errno, "read", path);
  if (!S_ISREG(status.st_mode)) {
    return Error{ErrorCode::kInvalidArgument, fmt::format("'{}' is not a regular file.", path.string()), ""};
  }
  return static_cast<std::uint64_t>(status.st_size);
}

Result<void> write_all(int descriptor, std::string_view bytes, const fs::path& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return system_error(errno, "write", path);
    }
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

}  // namespace

Error system_error(int error_number, std::string_view action, const fs::path& path) {
  const std::string reason = std::generic_category().message(error_number);
  const std::string message = fmt::format("Cannot {} '{}': {}.", action, path.string(), reason);
  switch (error_number) {
    case ENOENT:
    case ENOTDIR:
      return {ErrorCode::kNotFound, message, ""};
    case EACCES:
    case EPERM:
    case EROFS:
      return {ErrorCode::kPermissionDenied, message, ""};
    case EEXIST:
    case ENOTEMPTY:
      return {ErrorCode::kConflict, message, ""};
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return {ErrorCode::kResourceExhausted, message + " Free some space and run the command again.", ""};
    case ENOMEM:
    case EMFILE:
    case ENFILE:
      return {ErrorCode::kResourceExhausted, message, ""};
    case EISDIR:
    case EINVAL:
    case ENAMETOOLONG:
      return {ErrorCode::kInvalidArgument, message, ""};
    default:
      return {ErrorCode::kInternal, message, ""};
  }
}

Result<std::string> read_file(const fs::path& path, std::uint64_t max_bytes) {
  const Descriptor descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (descriptor.get() < 0) return system_error(errno, "open", path);
  EPICRISIS_ASSIGN_OR_RETURN(const std::uint64_t size, regular_file_size(descriptor.get(), path));
  if (size > max_bytes) {
    return Error{ErrorCode::kResourceExhausted, fmt::format("'{}' is too large.", path.string()),
                 fmt::format("{} bytes; at most {} are read", size, max_bytes)};
  }
  std::string content(size, '\0');
  std::size_t filled = 0;
  while (filled < content.size()) {
    const ssize_t count = ::read(descriptor.get(), content.data() + filled, content.size() - filled);
    if (count < 0) {
      if (errno == EINTR) continue;
      return system_error(errno, "read", path);
    }
    if (count == 0) break;
    filled += static_cast<std::size_t>(count);
  }
  content.resize(filled);
  return content;
}

Result<void> write_file_atomically(const fs::path& path, std::string_view content) {
  EPICRISIS_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::create(path));
  EPICRISIS_RETURN_IF_ERROR(file.write(content));
  return file.commit();
}

AtomicFile::AtomicFile(fs::path target, fs::path aside, int descriptor)
    : target_(std::move(target)), aside_(std::move(aside)), descriptor_(descriptor) {}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : target_(std::move(other.target_)),
      aside_(std::move(other.aside_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      size_bytes_(other.size_bytes_) {}

AtomicFile& AtomicFile::operator=(AtomicFile&& other) noexcept {
  if (this != &other) {
    discard();
    target_ = std::move(other.target_);
    aside_ = std::move(other.aside_);
    descriptor_ = std::exchange(other.descriptor_, -1);
    size_bytes_ = other.size_bytes_;
  }
  return *this;
}

AtomicFile::~AtomicFile() { discard(); }

void AtomicFile::discard() noexcept {
  if (descriptor_ < 0) return;
  ::close(std::exchange(descriptor_, -1));
  if (!writes_through()) ::unlink(aside_.c_str());
}

Result<AtomicFile> AtomicFile::create(fs::path target) {
  std::error_code failure;
  const fs::file_status there = fs::status(target, failure);
  if (fs::exists(there) && !fs::is_regular_file(there)) {
    // A device or a pipe cannot be replaced by a file; a folder refuses to be opened.
    const int descriptor = ::open(target.c_str(), O_WRONLY | O_CLOEXEC);
    if (descriptor < 0) return system_error(errno, "write", target);
    const fs::path itself = target;
    return AtomicFile(std::move(target), itself, descriptor);
  }
  if (fs::is_symlink(fs::symlink_status(target, failure)) && fs::exists(there))
    target = fs::canonical(target, failure);  // the file changes, not the link to it
  std::string aside = target.string() + ".tmp-XXXXXX";
  const int descriptor = ::mkostemp(aside.data(), O_CLOEXEC);
  if (descriptor < 0) return system_error(errno, "write", target);
  // mkostemp makes files private; a result is as readable as the user's umask allows.
  const mode_t mask = ::umask(0);
  ::umask(mask);
  ::fchmod(descriptor, 0666 & ~mask);
  return AtomicFile(std::move(target), fs::path(aside), descriptor);
}

Result<void> AtomicFile::write(std::string_view text) {
  EPICRISIS_CHECK(descriptor_ >= 0);
  EPICRISIS_RETURN_IF_ERROR(write_all(descriptor_, text, target_));
  size_bytes_ += text.size();
  return {};
}

Result<void> AtomicFile::write(std::span<const std::byte> bytes) {
  return write(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

Result<void> AtomicFile::commit() {
  EPICRISIS_CHECK(descriptor_ >= 0);
  if (writes_through()) {
    if (::close(std::exchange(descriptor_, -1)) != 0) return system_error(errno, "write", target_);
    return {};
  }
  if (::fsync(descriptor_) != 0) return system_error(errno, "write", target_);
  if (::rename(aside_.c_str(), target_.c_str()) != 0) return system_error(errno, "write", target_);
  ::close(std::exchange(descriptor_, -1));
  return sync_to_disk(target_.has_parent_path() ? target_.parent_path() : fs::path("."));
}

Result<TemporaryDirectory> TemporaryDirectory::create(const fs::path& parent) {
  std::error_code failure;
  const fs::path folder = parent.empty() ? fs::temp_directory_path(failure) : parent;
  if (failure) return system_error(failure.value(), "find the folder for temporary files in", "TMPDIR");
  std::string name = (folder / ".epicrisis-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) return system_error(errno, "create a folder in", folder);
  return TemporaryDirectory(fs::path(name));
}

TemporaryDirectory::TemporaryDirectory(TemporaryDirectory&& other) noexcept
    : path_(std::exchange(other.path_, {})) {}

TemporaryDirectory& TemporaryDirectory::operator=(TemporaryDirectory&& other) noexcept {
  std::swap(path_, other.path_);
  return *this;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

Result<StagedDirectory> StagedDirectory::create(fs::path target, bool replace) {
  target = fs::absolute(target).lexically_normal();
  if (!target.has_filename()) target = target.parent_path();
  std::error_code failure;
  if (!replace && fs::exists(target, failure) &&
      !(fs::is_directory(target, failure) && fs::is_empty(target, failure))) {
    return Error{ErrorCode::kConflict,
                 fmt::format("'{}' exists already; choose another name or remove it first.", target.string()),
                 ""};
  }
  fs::create_directories(target.parent_path(), failure);
  if (failure) return system_error(failure.value(), "create", target.parent_path());
  EPICRISIS_ASSIGN_OR_RETURN(TemporaryDirectory aside, TemporaryDirectory::create(target.parent_path()));
  return StagedDirectory(std::move(target), std::move(aside), replace);
}

Result<void> StagedDirectory::commit() {
  std::error_code failure;
  fs::permissions(aside_.path(),
                  fs::perms::owner_all | fs::perms::group_read | fs::perms::group_exec |
                      fs::perms::others_read | fs::perms::others_exec,
                  failure);
  if (failure) return system_error(failure.value(), "write", target_);
  EPICRISIS_ASSIGN_OR_RETURN(const auto entries, entries_below(aside_.path()));
  for (const fs::directory_entry& entry : entries)
    if (entry.is_regular_file(failure)) EPICRISIS_RETURN_IF_ERROR(sync_to_disk(entry.path()));
  if (replace_ && fs::is_directory(target_, failure)) {
    // Two folders cannot be swapped portably: move the old one into ours, which dies with this object.
    const fs::path retired = aside_.path().string() + ".old";
    fs::rename(target_, retired, failure);
    if (failure) return system_error(failure.value(), "replace", target_);
    fs::rename(aside_.path(), target_, failure);
    if (failure) {
      const Error error = system_error(failure.value(), "write", target_);
      fs::rename(retired, target_, failure);
      return error;
    }
    fs::remove_all(retired, failure);
  } else {
    fs::rename(aside_.path(), target_, failure);
    if (failure) return system_error(failure.value(), "write", target_);
  }
  return sync_to_disk(target_.has_parent_path() ? target_.parent_path() : fs::path("."));
}

Result<MappedFile> MappedFile::open(const fs::path& path) {
  const Descriptor descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (descriptor.get() < 0) return system_error(errno, "open", path);
  EPICRISIS_ASSIGN_OR_RETURN(const std::uint64_t size, regular_file_size(descriptor.get(), path));
  if (size == 0) return MappedFile(nullptr, 0);
  void* address = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, descriptor.get(), 0);
  if (address == MAP_FAILED) return system_error(errno, "map", path);
  return MappedFile(address, size);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : address_(std::exchange(other.address_, nullptr)), size_bytes_(std::exchange(other.size_bytes_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(address_, other.address_);
  std::swap(size_bytes_, other.size_bytes_);
  return *this;
}

MappedFile::~MappedFile() {
  if (address_ != nullptr) ::munmap(const_cast<void*>(address_), size_bytes_);
}

}  // namespace epicrisis
