#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/file_lock.hpp"
#include "base/files.hpp"
#include "base/result.hpp"
#include "hub/manifest.hpp"

namespace epicrisis {

/// A model on its way into a store, on the store's own file system: nobody sees it until Store::publish().
/// Removed with everything in it when the object dies, or by the next Staging after a crash. Not thread-safe.
class Staging {
 public:
  /// In `parent`, which exists; `store_lock` is the path that guards it. Removes what dead processes left
  /// there.
  static Result<Staging> create(const std::filesystem::path& parent, const std::filesystem::path& store_lock);

  /// Where the model's files are.
  std::filesystem::path files_folder() const { return folder_.path() / "files"; }
  /// For intermediate files (an unpacked archive); gone before the model is published.
  std::filesystem::path scratch_folder() const { return folder_.path() / "scratch"; }
  /// Holds files_folder() and, once published, manifest.json.
  const std::filesystem::path& folder() const noexcept { return folder_.path(); }

  /// Adds `source` as `path`, hashing the bytes that are written. `progress` is called with its bytes so far.
  Result<void> copy_in(const std::filesystem::path& source, const std::string& path,
                       const std::function<void(std::uint64_t)>& progress = {});
  /// Adds `source`, a file on the same file system whose hash is known, without copying it.
  Result<void> move_in(const std::filesystem::path& source, StoredFile file);
  /// What was added, sorted by path.
  std::vector<StoredFile> files() const;

 private:
  Staging(TemporaryDirectory folder, FileLock alive) : folder_(std::move(folder)), alive_(std::move(alive)) {}
  Result<void> make_room_for(const std::string& path) const;

  TemporaryDirectory folder_;
  FileLock alive_;  ///< On the folder: tells the living from the dead.
  std::vector<StoredFile> files_;
};

}  // namespace epicrisis
