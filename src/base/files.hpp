#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace epicrisis {

/// Reads a whole regular file. Errors: kNotFound, kPermissionDenied, kResourceExhausted past `max_bytes`.
Result<std::string> read_file(const std::filesystem::path& path, std::uint64_t max_bytes = 1ULL << 32);

/// Replaces `path` by `content`, or leaves it as it was: writes aside, syncs, renames.
/// Errors: kResourceExhausted when the disk is full, kPermissionDenied, kNotFound for a missing folder.
Result<void> write_file_atomically(const std::filesystem::path& path, std::string_view content);

/// The Error for a failed system call, with the file's name and what errno says.
Error system_error(int error_number, std::string_view action, const std::filesystem::path& path);

/// A file being written beside its target; the target appears whole on commit(), or not at all. A target that
/// is a device or a pipe (/dev/stdout) is written to directly; of a symbolic link the file it names changes.
/// Not thread-safe. The destructor of an uncommitted file removes what was written.
class AtomicFile {
 public:
  static Result<AtomicFile> create(std::filesystem::path target);
  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&& other) noexcept;
  ~AtomicFile();

  Result<void> write(std::span<const std::byte> bytes);
  Result<void> write(std::string_view text);
  /// Syncs to disk and renames over the target.
  Result<void> commit();
  std::uint64_t size_bytes() const noexcept { return size_bytes_; }
  /// Where the bytes are until commit(): for libraries that write files by name themselves.
  const std::filesystem::path& path_aside() const noexcept { return aside_; }

 private:
  AtomicFile(std::filesystem::path target, std::filesystem::path aside, int descriptor);
  void discard() noexcept;
  bool writes_through() const noexcept { return aside_ == target_; }

  std::filesystem::path target_;
  std::filesystem::path aside_;
  int descriptor_ = -1;
  std::uint64_t size_bytes_ = 0;
};

/// A folder of its own, removed with everything in it when the object dies.
class TemporaryDirectory {
 public:
  /// In `parent`, or in the system's folder for temporary files when that is empty.
  static Result<TemporaryDirectory> create(const std::filesystem::path& parent = {});
  TemporaryDirectory(TemporaryDirectory&& other) noexcept;
  TemporaryDirectory& operator=(TemporaryDirectory&& other) noexcept;
  ~TemporaryDirectory();

  const std::filesystem::path& path() const noexcept { return path_; }

 private:
  explicit TemporaryDirectory(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

/// A folder being filled beside its target; the target appears whole on commit(), or not at all.
class StagedDirectory {
 public:
  /// Errors: kConflict when `target` exists and is neither an empty folder nor to be replaced.
  static Result<StagedDirectory> create(std::filesystem::path target, bool replace = false);
  StagedDirectory(StagedDirectory&&) noexcept = default;
  StagedDirectory& operator=(StagedDirectory&&) noexcept = default;

  /// Where to put the files until commit().
  const std::filesystem::path& path() const noexcept { return aside_.path(); }
  Result<void> commit();

 private:
  StagedDirectory(std::filesystem::path target, TemporaryDirectory aside, bool replace)
      : target_(std::move(target)), aside_(std::move(aside)), replace_(replace) {}
  std::filesystem::path target_;
  TemporaryDirectory aside_;
  bool replace_;
};

/// A file mapped read-only, shared between processes. The view is valid as long as the object lives.
class MappedFile {
 public:
  /// Errors: kNotFound, kPermissionDenied, kInvalidArgument for what is no regular file.
  static Result<MappedFile> open(const std::filesystem::path& path);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  std::span<const std::byte> bytes() const noexcept {
    return {static_cast<const std::byte*>(address_), size_bytes_};
  }

 private:
  MappedFile(const void* address, std::size_t size_bytes) : address_(address), size_bytes_(size_bytes) {}
  const void* address_ = nullptr;
  std::size_t size_bytes_ = 0;
};

}  // namespace epicrisis
