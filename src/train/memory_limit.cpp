#include "train/memory_limit.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string_view>

#include "checkpoint/weight_files.hpp"

namespace epicrisis::train {
namespace {

/// The number after `before`, or the first word when that is empty; -1 for none.
std::int64_t first_number(const std::filesystem::path& path, std::string_view before) {
  std::ifstream file(path);
  for (std::string word; file >> word;)
    if (word == before || before.empty()) {
      if (!before.empty()) file >> word;
      const bool is_number =
          std::all_of(word.begin(), word.end(), [](char c) { return c >= '0' && c <= '9'; });
      return is_number && word.size() < 19 ? std::stoll(word) : -1;
    }
  return -1;
}

}  // namespace

std::int64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::int64_t total = 0, resident = 0;
  file >> total >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

Result<std::int64_t> memory_limit(const std::string& given) {
  if (!given.empty()) {
    const auto size = parse_shard_size(given);
    if (size) return static_cast<std::int64_t>(*size);
    return Error{ErrorCode::kInvalidArgument, "--max-memory takes a size, as 24GiB or 16GB.", {}};
  }
  std::int64_t limit = std::numeric_limits<std::int64_t>::max();
  const std::int64_t available = first_number("/proc/meminfo", "MemAvailable:");
  if (available >= 0) limit = available * 1024 + resident_bytes();
  for (const char* path : {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"})
    if (const std::int64_t group = first_number(path, ""); group > 0) limit = std::min(limit, group);
  return limit;
}

std::string gibibytes(std::int64_t bytes) {
  return fmt::format("{:.2f} GiB", static_cast<double>(bytes) / (1024.0 * 1024.0 * 1024.0));
}

}  // namespace epicrisis::train
