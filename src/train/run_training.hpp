#pragma once

#include <cstdint>
#include <string_view>

#include "base/json.hpp"
#include "base/result.hpp"
#include "train/distributed/process_place.hpp"
#include "train/training_options.hpp"

namespace epicrisis::train {

/// Where a run stands.
struct TrainingProgress {
  std::int64_t step = 0;  ///< Updates made.
  std::int64_t total_steps = 0;
  double elapsed_seconds = 0;
  double limit_seconds = 0;  ///< 0: the number of steps ends the run.
  double loss = 0;           ///< Mean since the last log line.
  double tokens_per_second = 0;
};

/// What a run tells whoever started it. Called from the thread that trains.
class TrainingObserver {
 public:
  virtual ~TrainingObserver() = default;
  /// A stage that takes time begins ("reading data", "tokenizing", "evaluating").
  virtual void on_stage(std::string_view what) = 0;
  virtual void on_progress(const TrainingProgress& progress) = 0;
  /// A line of metrics.jsonl was written.
  virtual void on_metrics(const Json& line) = 0;
  virtual void on_warning(std::string_view message) = 0;
  /// Asked between updates: true ends the run with a checkpoint to resume from.
  virtual bool stop_requested() = 0;
};

/// Trains as `options` say. Leaves in options.output_dir: the finished model folder (config.json,
/// generation_config.json, model.safetensors, tokenizer files), checkpoint-<step> folders, metrics.jsonl,
/// training_args.json and train_results.json. Returns what train_results.json holds. Errors: kInvalidArgument
/// for options or data, kConflict when output_dir holds another run (output_folder.hpp), kInternal when the
/// loss or a gradient is no number, with step and rows, kCancelled (with how to resume) after
/// stop_requested(), and what reading and writing report. Of several processes each calls this with the same
/// options and its own place: rank 0 reports and writes, the others observe stop_requested() alone and return
/// an empty object; kUnavailable when another one is gone.
Result<Json> run_training(const TrainingOptions& options, TrainingObserver& observer,
                          const ProcessPlace& place = {});

}  // namespace epicrisis::train
