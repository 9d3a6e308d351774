#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/files.hpp"
#include "engine/thread_team.hpp"

namespace epicrisis::engine {

/// A file of int8 matrices made from a checkpoint, so that the next process maps what this one computed.
/// Nothing here fails: what cannot be read is as good as absent, what cannot be written is left out.
/// docs/formats/int8-cache.md has the bytes.
class Int8CacheFile {
 public:
  /// The first of `paths` that is a whole, undamaged file with this key and this many bytes of matrices.
  static std::optional<Int8CacheFile> open(std::span<const std::filesystem::path> paths,
                                           const std::string& key, std::size_t size_bytes, ThreadTeam& team);
  /// Writes the matrices to the first of `paths` where that is possible, aside, and renames; files of other
  /// keys beside it, of an earlier state of the model, are removed. Returns it opened, or nothing.
  static std::optional<Int8CacheFile> write(std::span<const std::filesystem::path> paths,
                                            const std::string& key, std::span<const std::byte> matrices,
                                            ThreadTeam& team);

  std::span<const std::byte> matrices() const noexcept;

 private:
  explicit Int8CacheFile(MappedFile file) : file_(std::move(file)) {}
  MappedFile file_;
};

/// What tells one state of the weights of the model in `folder` from another without reading them: names,
/// sizes and times of change of their files. Empty when that cannot be told.
std::string weight_files_identity(const std::filesystem::path& folder);

/// Where the file of `key`, a hex digest, may lie: hidden in the model's folder, else in the user's folder
/// for caches: $XDG_CACHE_HOME/epicrisis or $HOME/.cache/epicrisis.
std::vector<std::filesystem::path> int8_cache_paths(const std::filesystem::path& folder,
                                                    const std::string& key);

}  // namespace epicrisis::engine
