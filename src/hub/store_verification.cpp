#include <algorithm>
#include <system_error>

#include "base/files.hpp"
#include "base/folders.hpp"
#include "checkpoint/derived_files.hpp"
#include "hub/detail/file_hashes.hpp"
#include "hub/store.hpp"

namespace epicrisis {
namespace {

namespace fs = std::filesystem;

bool is_listed(const std::vector<StoredFile>& files, const std::string& path) {
  return std::any_of(files.begin(), files.end(), [&](const StoredFile& file) { return file.path == path; });
}

}  // namespace

Result<std::vector<Damage>> verify_model(const StoredModel& model,
                                         const std::function<void(std::uint64_t)>& progress) {
  std::vector<Damage> damages;
  std::uint64_t done = 0;
  for (const StoredFile& file : model.manifest.files) {
    const fs::path path = model.files / file.path;
    std::error_code ignored;
    const fs::file_status status = fs::symlink_status(path, ignored);
    if (!fs::exists(status)) {
      damages.push_back({file.path, "missing"});
    } else if (!fs::is_regular_file(status)) {
      damages.push_back({file.path, "not a regular file"});
    } else if (fs::file_size(path, ignored) != file.size_bytes) {
      damages.push_back({file.path, "its size differs"});
    } else {
      EPICRISIS_ASSIGN_OR_RETURN(const detail::FileHashes hashes,
                                 detail::hash_file(path, [&](std::uint64_t bytes) {
                                   if (progress) progress(done + bytes);
                                 }));
      if (hashes.sha256 != file.sha256) damages.push_back({file.path, "its SHA-256 differs"});
    }
    done += file.size_bytes;
  }
  std::error_code ignored;
  if (!fs::exists(model.files, ignored)) return damages;
  EPICRISIS_ASSIGN_OR_RETURN(const auto entries, entries_below(model.files));
  for (const fs::directory_entry& entry : entries) {
    if (entry.is_directory(ignored) && !entry.is_symlink(ignored)) continue;
    const std::string path = entry.path().lexically_relative(model.files).generic_string();
    if (is_derived_file(entry.path().filename().string())) continue;
    if (!is_listed(model.manifest.files, path)) damages.push_back({path, "not in the manifest"});
  }
  return damages;
}

}  // namespace epicrisis
