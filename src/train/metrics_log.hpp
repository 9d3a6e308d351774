#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>

#include "base/json.hpp"
#include "base/result.hpp"

namespace epicrisis::train {

/// metrics.jsonl: one JSON object a line, each with the `step` that it describes.
class MetricsLog {
 public:
  /// Starts the file anew, or, for a run resumed after `resumed_step`, keeps the lines up to that step.
  static Result<MetricsLog> open(const std::filesystem::path& path, std::int64_t resumed_step);
  Result<void> append(const Json& line);
  /// Brings what was appended through to the disk.
  Result<void> sync() const;

 private:
  explicit MetricsLog(std::filesystem::path path) : path_(std::move(path)), file_(path_, std::ios::app) {}
  std::filesystem::path path_;
  std::ofstream file_;
};

}  // namespace epicrisis::train
