#include "base/available_memory.hpp"

#include <algorithm>
#include <fstream>
#include <string>

namespace epicrisis {
namespace {

/// Where a version of control groups says what it allows.
struct ControlGroup {
  const char* limit;
  const char* used;
  const char* statistics;
  const char* inactive_files;
  const char* active_files;
};

constexpr ControlGroup kGroups[] = {
    {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current", "/sys/fs/cgroup/memory.stat",
     "inactive_file", "active_file"},
    {"/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes",
     "/sys/fs/cgroup/memory/memory.stat", "total_inactive_file", "total_active_file"}};

/// The number behind the word `name`, or at the beginning where that is empty.
std::optional<std::size_t> number_in(const char* path, const std::string& name) {
  std::ifstream file(path);
  for (std::string word; name.empty() || file >> word;) {
    if (!name.empty() && word != name) continue;
    std::size_t number = 0;
    if (file >> number) return number;
    return {};
  }
  return {};
}

}  // namespace

std::optional<std::size_t> available_memory_bytes() {
  std::optional<std::size_t> available = number_in("/proc/meminfo", "MemAvailable:");
  if (available) *available *= 1024;
  for (const ControlGroup& group : kGroups) {
    const auto limit = number_in(group.limit, "");
    const auto used = number_in(group.used, "");
    if (!limit || !used) continue;
    // Cached files count as used, but give way.
    const std::size_t files = number_in(group.statistics, group.inactive_files).value_or(0) +
                              number_in(group.statistics, group.active_files).value_or(0);
    const std::size_t left = *limit - std::min(*limit, *used - std::min(*used, files));
    available = std::min(available.value_or(left), left);
  }
  return available;
}

}  // namespace epicrisis
