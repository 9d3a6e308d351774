#include "train/checkpoint_folders.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <sstream>

#include "base/files.hpp"
#include "base/folders.hpp"
#include "base/sha256.hpp"

namespace epicrisis::train {
namespace {
namespace fs = std::filesystem;

constexpr std::string_view kFolderPrefix = "checkpoint-";
constexpr std::string_view kSumsFile = "SHA256SUMS";
constexpr std::string_view kSeparator = "  ";

Result<std::string> sha256_of(const fs::path& path) {
  EPICRISIS_ASSIGN_OR_RETURN(const MappedFile file, MappedFile::open(path));
  return Sha256().update(file.bytes()).hex();
}

/// Names of the files that sums are kept of, sorted.
Result<std::vector<std::string>> summed_files(const fs::path& folder) {
  EPICRISIS_ASSIGN_OR_RETURN(const auto entries, entries_of(folder));
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : entries) {
    const std::string name = entry.path().filename().string();
    std::error_code ignored;
    if (entry.is_regular_file(ignored) && name != kSumsFile && !name.starts_with('.')) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

Error damaged(const fs::path& folder, std::string_view file, std::string_view what) {
  return {ErrorCode::kCorrupt, fmt::format("{} is damaged.", folder.filename().string()),
          fmt::format("{} {}", file, what)};
}

}  // namespace

std::string checkpoint_name(std::int64_t step) { return fmt::format("{}{}", kFolderPrefix, step); }

std::int64_t step_of_checkpoint(const fs::path& folder) {
  const std::string name = folder.filename().string();
  if (!name.starts_with(kFolderPrefix)) return -1;
  std::int64_t step = -1;
  const char* end = name.data() + name.size();
  const auto parsed = std::from_chars(name.data() + kFolderPrefix.size(), end, step);
  return parsed.ec == std::errc() && parsed.ptr == end ? step : -1;
}

std::vector<fs::path> find_checkpoints(const fs::path& output_dir) {
  std::vector<fs::path> folders;
  const auto entries = entries_of(output_dir);
  if (!entries) return folders;
  for (const fs::directory_entry& entry : *entries) {
    std::error_code ignored;
    if (entry.is_directory(ignored) && step_of_checkpoint(entry.path()) >= 0) folders.push_back(entry.path());
  }
  std::sort(folders.begin(), folders.end(), [](const fs::path& a, const fs::path& b) {
    return step_of_checkpoint(a) < step_of_checkpoint(b);
  });
  return folders;
}

void remove_old_checkpoints(const fs::path& output_dir, std::size_t limit, const std::string& keep,
                            std::int64_t newest) {
  if (limit == 0) return;
  std::vector<fs::path> folders = find_checkpoints(output_dir);
  std::erase_if(folders, [&](const fs::path& folder) { return step_of_checkpoint(folder) > newest; });
  std::size_t left = folders.size();
  for (const fs::path& folder : folders) {
    if (left <= limit) return;
    if (folder.filename() == keep || folder == folders.back()) continue;
    std::error_code failure;  // an old checkpoint that cannot be removed is no reason to end a run
    fs::remove_all(folder, failure);
    --left;
  }
}

Result<void> write_checksums(const fs::path& folder) {
  EPICRISIS_ASSIGN_OR_RETURN(const auto names, summed_files(folder));
  std::string lines;
  for (const std::string& name : names) {
    EPICRISIS_ASSIGN_OR_RETURN(const std::string sum, sha256_of(folder / name));
    lines += fmt::format("{}{}{}\n", sum, kSeparator, name);
  }
  return write_file_atomically(folder / kSumsFile, lines);
}

Result<void> verify_checksums(const fs::path& folder) {
  const auto sums = read_file(folder / kSumsFile);
  if (!sums) return damaged(folder, kSumsFile, "is not there");
  std::map<std::string, std::string> expected;
  std::istringstream lines(*sums);
  for (std::string line; std::getline(lines, line);)
    if (const std::size_t at = line.find(kSeparator); at != std::string::npos)
      expected[line.substr(at + kSeparator.size())] = line.substr(0, at);
  EPICRISIS_ASSIGN_OR_RETURN(const auto names, summed_files(folder));
  for (const std::string& name : names)
    if (!expected.contains(name)) return damaged(folder, name, "is not in SHA256SUMS");
  for (const auto& [name, sum] : expected) {
    if (!std::binary_search(names.begin(), names.end(), name)) return damaged(folder, name, "is not there");
    const auto actual = sha256_of(folder / name);
    if (!actual) return damaged(folder, name, "cannot be read");
    if (*actual != sum) return damaged(folder, name, "is not what SHA256SUMS says");
  }
  return {};
}

}  // namespace epicrisis::train
