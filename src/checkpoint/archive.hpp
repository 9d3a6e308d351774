#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace epicrisis {

/// A file to put into an archive under `name` ("config.json", "sub/file").
struct ArchiveMember {
  std::string name;
  std::filesystem::path source;
};

/// Called with the bytes of member content handled so far.
using ByteProgress = std::function<void(std::uint64_t done_bytes)>;
using ArchiveSink = std::function<Result<void>(std::span<const std::byte>)>;

/// The regular files below `folder` by their relative names, sorted. Errors: kNotFound, kPermissionDenied.
Result<std::vector<ArchiveMember>> list_members(const std::filesystem::path& folder);

/// Writes a gzip-compressed tar of `members` to `sink`. Sorted by name, dated 1970, owned by 0:0, mode 0644,
/// no name or time in the gzip header: equal members give equal bytes. docs/formats/checkpoint.md has the
/// layout. Errors: kInvalidArgument for a name that extraction would refuse, what reading a file reports, and
/// what `sink` reports.
Result<void> write_tar_gz(std::vector<ArchiveMember> members, const ArchiveSink& sink,
                          const ByteProgress& progress = {});

/// What an archive may cost. The defaults leave room for any model we know.
struct ExtractLimits {
  std::uint64_t max_total_bytes = 64ULL << 30;
  std::uint64_t max_members = 10'000;
  /// An archive may unpack to this many times its size, and always to `free_bytes`: weights hardly compress,
  /// a bomb does a thousandfold.
  std::uint64_t max_ratio = 100;
  std::uint64_t free_bytes = 64ULL << 20;
};

/// Unpacks a .tar.gz into `folder`, which exists and is empty. Only files and folders come out, with ordinary
/// modes; a link, a device, an absolute name, "..", a name given twice or a size past `limits` refuses the
/// whole archive, and what was unpacked until then stays in `folder`, for the caller to remove. gzip
/// checksums are verified. Errors: kNotFound, kCorrupt naming the member, kResourceExhausted.
Result<void> extract_tar_gz(const std::filesystem::path& archive, const std::filesystem::path& folder,
                            const ExtractLimits& limits = {}, const ByteProgress& progress = {});

/// extract_tar_gz() into a new folder: `target` appears whole, or not at all. Errors: also kConflict when
/// `target` exists and is not an empty folder.
Result<void> unpack_tar_gz(const std::filesystem::path& archive, const std::filesystem::path& target,
                           const ExtractLimits& limits = {}, const ByteProgress& progress = {});

}  // namespace epicrisis
