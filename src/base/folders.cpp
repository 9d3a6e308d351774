#include "base/folders.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "base/descriptor.hpp"
#include "base/files.hpp"

namespace epicrisis {
namespace {

namespace fs = std::filesystem;

/// A range-for over an iterator would throw where reading on fails.
template <class Iterator>
Result<std::vector<fs::directory_entry>> read_all(const fs::path& folder) {
  std::vector<fs::directory_entry> entries;
  std::error_code failed;
  Iterator entry(folder, failed);
  for (; !failed && entry != Iterator(); entry.increment(failed)) entries.push_back(*entry);
  if (failed) return system_error(failed.value(), "read", folder);
  return entries;
}

}  // namespace

Result<std::vector<fs::directory_entry>> entries_of(const fs::path& folder) {
  return read_all<fs::directory_iterator>(folder);
}

Result<std::vector<fs::directory_entry>> entries_below(const fs::path& folder) {
  return read_all<fs::recursive_directory_iterator>(folder);
}

bool is_there(const fs::path& path) noexcept {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

Result<void> sync_to_disk(const fs::path& path) {
  const Descriptor descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (descriptor.get() < 0) return system_error(errno, "open", path);
  // Some file systems cannot sync a folder and say EINVAL.
  if (::fsync(descriptor.get()) != 0 && errno != EINVAL) return system_error(errno, "write", path);
  return {};
}

}  // namespace epicrisis
