#pragma once

#include <filesystem>
#include <vector>

#include "base/result.hpp"

namespace epicrisis {

/// What `folder` holds, in no order. Errors: kNotFound, kPermissionDenied, whatever the system says while it
/// is read.
Result<std::vector<std::filesystem::directory_entry>> entries_of(const std::filesystem::path& folder);
/// The same with all that lies in folders below it; links to folders are not followed.
Result<std::vector<std::filesystem::directory_entry>> entries_below(const std::filesystem::path& folder);

/// Whether something is at `path`; false where that cannot be told.
bool is_there(const std::filesystem::path& path) noexcept;

/// Writes a file's content, or a folder's entries, through to the disk, so that a rename in it survives a
/// power cut.
Result<void> sync_to_disk(const std::filesystem::path& path);

}  // namespace epicrisis
