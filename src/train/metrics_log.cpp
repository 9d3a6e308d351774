#include "train/metrics_log.hpp"

#include <cerrno>
#include <sstream>

#include "base/files.hpp"
#include "base/folders.hpp"

namespace epicrisis::train {

Result<std::vector<Json>> read_metrics(const std::filesystem::path& path) {
  EPICRISIS_ASSIGN_OR_RETURN(const std::string content, read_file(path));
  std::istringstream lines(content);
  std::vector<Json> metrics;
  for (std::string line; std::getline(lines, line);) {
    Json json = Json::parse(line, nullptr, false);
    if (json.is_object()) metrics.push_back(std::move(json));
  }
  return metrics;
}

Result<MetricsLog> MetricsLog::open(const std::filesystem::path& output_dir,
                                    const std::filesystem::path& logging_dir, std::int64_t resumed_step) {
  const std::filesystem::path path = output_dir / "metrics.jsonl";
  std::string kept;
  if (resumed_step > 0 && std::filesystem::exists(path)) {
    EPICRISIS_ASSIGN_OR_RETURN(const std::vector<Json> lines, read_metrics(path));
    for (const Json& line : lines)
      if (line.value("step", std::int64_t{0}) <= resumed_step) kept += line.dump() + "\n";
  }
  EPICRISIS_RETURN_IF_ERROR(write_file_atomically(path, kept));
  EPICRISIS_ASSIGN_OR_RETURN(EventFile events, EventFile::create(logging_dir, resumed_step));
  return MetricsLog(path, std::move(events));
}

Result<void> MetricsLog::append(const Json& line) {
  file_ << line.dump() << '\n' << std::flush;
  if (!file_) return system_error(errno, "write", path_);
  return events_.append(line.value("step", std::int64_t{0}), tensorboard_scalars(line));
}

std::vector<Scalar> tensorboard_scalars(const Json& line) {
  constexpr std::string_view kEvaluation = "eval_";
  std::vector<Scalar> scalars;
  for (const auto& [key, value] : line.items()) {
    if (!value.is_number() || key == "step") continue;
    const std::string tag =
        key.starts_with(kEvaluation) ? "eval/" + key.substr(kEvaluation.size()) : "train/" + key;
    scalars.push_back({tag, value.get<double>()});
  }
  return scalars;
}

Result<void> MetricsLog::sync() const { return sync_to_disk(path_); }

}  // namespace epicrisis::train
