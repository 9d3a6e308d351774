#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace epicrisis::train {

/// "checkpoint-<step>".
std::string checkpoint_name(std::int64_t step);
/// The step of a folder so named; -1 for any other.
std::int64_t step_of_checkpoint(const std::filesystem::path& folder);
/// Those in `output_dir`, by step.
std::vector<std::filesystem::path> find_checkpoints(const std::filesystem::path& output_dir);
/// Removes the oldest of those up to `newest` until `limit` are left, `keep` among them whatever its age
/// (0 keeps all). As in transformers, the newest stays too, so that 1 may leave two.
void remove_old_checkpoints(const std::filesystem::path& output_dir, std::size_t limit,
                            const std::string& keep, std::int64_t newest);

/// Writes SHA256SUMS into `folder`, in the form that `sha256sum -c` reads, with a line for each file there.
Result<void> write_checksums(const std::filesystem::path& folder);
/// Reads every file of `folder` again. Errors: kCorrupt naming the first that is absent, changed or not
/// listed; hidden files do not count.
Result<void> verify_checksums(const std::filesystem::path& folder);

}  // namespace epicrisis::train
