#include "hub/staging.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <optional>
#include <span>
#include <system_error>
#include <utility>

#include "base/folders.hpp"
#include "base/sha256.hpp"
#include "checkpoint/archive_names.hpp"

namespace epicrisis {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPieceBytes = 1U << 20;

/// Removes the folders in `parent` that no process holds. What cannot be removed stays for the next time: it
/// harms nobody but the disk.
void remove_dead(const fs::path& parent) {
  const auto entries = entries_of(parent);
  if (!entries) return;
  for (const fs::directory_entry& entry : *entries) {
    std::error_code ignored;
    const auto lock = FileLock::try_acquire(entry.path());
    if (lock && *lock) fs::remove_all(entry.path(), ignored);
  }
}

}  // namespace

Result<Staging> Staging::create(const fs::path& parent, const fs::path& store_lock) {
  // Under the lock, or another process could take the new folder for a dead one before it is held.
  EPICRISIS_ASSIGN_OR_RETURN(const FileLock guard, FileLock::acquire(store_lock));
  remove_dead(parent);
  EPICRISIS_ASSIGN_OR_RETURN(TemporaryDirectory folder, TemporaryDirectory::create(parent));
  EPICRISIS_ASSIGN_OR_RETURN(FileLock alive, FileLock::acquire(folder.path()));
  Staging staging(std::move(folder), std::move(alive));
  std::error_code failed;
  for (const fs::path& made : {staging.files_folder(), staging.scratch_folder()}) {
    fs::create_directory(made, failed);
    if (failed) return system_error(failed.value(), "create", made);
  }
  return staging;
}

Result<void> Staging::make_room_for(const std::string& path) const {
  if (safe_member_name(path) != path) {
    return Error{ErrorCode::kInvalidArgument, "A file of the model has a name that cannot be stored.",
                 fmt::format("{} bytes long", path.size())};
  }
  std::error_code failed;
  const fs::path target = files_folder() / path;
  fs::create_directories(target.parent_path(), failed);
  if (failed) return system_error(failed.value(), "create", target.parent_path());
  if (fs::exists(target, failed)) {
    return Error{ErrorCode::kConflict, fmt::format("'{}' is in the model twice.", path), ""};
  }
  return {};
}

Result<void> Staging::copy_in(const fs::path& source, const std::string& path,
                              const std::function<void(std::uint64_t)>& progress) {
  EPICRISIS_RETURN_IF_ERROR(make_room_for(path));
  std::error_code failed;
  if (!fs::is_regular_file(source, failed)) {
    return failed ? system_error(failed.value(), "read", source)
                  : Error{ErrorCode::kInvalidArgument,
                          fmt::format("'{}' is not a regular file.", source.string()), ""};
  }
  std::ifstream input(source, std::ios::binary);
  if (!input) return system_error(errno, "open", source);
  EPICRISIS_ASSIGN_OR_RETURN(AtomicFile output, AtomicFile::create(files_folder() / path));
  Sha256 hash;
  std::vector<char> piece(kPieceBytes);
  while (input) {
    input.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    if (input.bad()) return system_error(EIO, "read", source);
    const auto bytes = std::as_bytes(std::span(piece).first(static_cast<std::size_t>(input.gcount())));
    hash.update(bytes);
    EPICRISIS_RETURN_IF_ERROR(output.write(bytes));
    if (progress) progress(output.size_bytes());
  }
  const std::uint64_t size_bytes = output.size_bytes();
  EPICRISIS_RETURN_IF_ERROR(output.commit());
  files_.push_back({path, size_bytes, hash.hex()});
  return {};
}

Result<void> Staging::move_in(const fs::path& source, StoredFile file) {
  EPICRISIS_RETURN_IF_ERROR(make_room_for(file.path));
  EPICRISIS_RETURN_IF_ERROR(sync_to_disk(source));
  std::error_code failed;
  fs::rename(source, files_folder() / file.path, failed);
  if (failed) return system_error(failed.value(), "move", source);
  files_.push_back(std::move(file));
  return {};
}

std::vector<StoredFile> Staging::files() const {
  std::vector<StoredFile> sorted = files_;
  std::sort(sorted.begin(), sorted.end(),
            [](const StoredFile& a, const StoredFile& b) { return a.path < b.path; });
  return sorted;
}

}  // namespace epicrisis
