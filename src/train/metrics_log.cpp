#include "train/metrics_log.hpp"

#include <cerrno>
#include <sstream>

#include "base/files.hpp"
#include "base/folders.hpp"

namespace epicrisis::train {

Result<MetricsLog> MetricsLog::open(const std::filesystem::path& path, std::int64_t resumed_step) {
  std::string kept;
  if (resumed_step > 0 && std::filesystem::exists(path)) {
    EPICRISIS_ASSIGN_OR_RETURN(const std::string content, read_file(path));
    std::istringstream lines(content);
    for (std::string line; std::getline(lines, line);) {
      const Json json = Json::parse(line, nullptr, false);
      // A line cut off by a crash describes nothing.
      if (json.is_object() && json.value("step", std::int64_t{0}) <= resumed_step) kept += line + "\n";
    }
  }
  EPICRISIS_RETURN_IF_ERROR(write_file_atomically(path, kept));
  return MetricsLog(path);
}

Result<void> MetricsLog::append(const Json& line) {
  file_ << line.dump() << '\n' << std::flush;
  if (!file_) return system_error(errno, "write", path_);
  return {};
}

Result<void> MetricsLog::sync() const { return sync_to_disk(path_); }

}  // namespace epicrisis::train
