#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>

#include "base/json.hpp"
#include "base/result.hpp"
#include "train/tensorboard/event_file.hpp"

namespace epicrisis::train {

/// What a run measures, written as it goes: metrics.jsonl, one JSON object a line, each with the `step` that
/// it describes, and the same numbers as TensorBoard event files.
class MetricsLog {
 public:
  /// Starts metrics.jsonl in `output_dir` anew, or, for a run resumed after `resumed_step`, keeps the lines
  /// up to that step. Event files go to `logging_dir`; each start makes a new one, whose steps go on.
  static Result<MetricsLog> open(const std::filesystem::path& output_dir,
                                 const std::filesystem::path& logging_dir, std::int64_t resumed_step);
  Result<void> append(const Json& line);
  /// Brings what was appended through to the disk.
  Result<void> sync() const;

 private:
  MetricsLog(std::filesystem::path path, EventFile events)
      : path_(std::move(path)), file_(path_, std::ios::app), events_(std::move(events)) {}
  std::filesystem::path path_;
  std::ofstream file_;
  EventFile events_;
};

/// The numbers of a line of metrics.jsonl, named as transformers' TensorBoardCallback names them: eval_loss
/// is eval/loss, loss is train/loss. The step is no number of its own.
std::vector<Scalar> tensorboard_scalars(const Json& line);

/// The lines of a metrics.jsonl file; one cut off by a crash is left out.
Result<std::vector<Json>> read_metrics(const std::filesystem::path& path);

}  // namespace epicrisis::train
