#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "base/result.hpp"

namespace epicrisis::detail {

/// What a hub may say about a file's content.
struct FileHashes {
  std::uint64_t size_bytes = 0;
  std::string sha256;
  std::string git_sha1;  ///< Name of the content as a git blob: SHA-1 of "blob <size>\0" and the content.
};

/// Reads a regular file once, whatever its size, in bounded memory. `progress` is called with the bytes read
/// so far. Errors: kNotFound, kPermissionDenied; kCorrupt when the file grows or shrinks meanwhile.
Result<FileHashes> hash_file(const std::filesystem::path& path,
                             const std::function<void(std::uint64_t)>& progress = {});

}  // namespace epicrisis::detail
