#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace epicrisis::train {

/// The folder of a training job (/opt/ml in a container): docs/formats/opt-ml.md.
class JobFolder {
 public:
  explicit JobFolder(std::filesystem::path prefix) : prefix_(std::move(prefix)) {}

  const std::filesystem::path& prefix() const noexcept { return prefix_; }
  std::filesystem::path config(std::string_view name) const { return prefix_ / "input" / "config" / name; }
  std::filesystem::path channel(std::string_view name) const { return prefix_ / "input" / "data" / name; }
  std::filesystem::path model() const { return prefix_ / "model"; }
  std::filesystem::path checkpoints() const { return prefix_ / "checkpoints"; }
  std::filesystem::path output_data() const { return prefix_ / "output" / "data"; }
  std::filesystem::path failure() const { return prefix_ / "output" / "failure"; }

 private:
  std::filesystem::path prefix_;
};

/// What a job asks the trainer for.
struct JobRequest {
  /// Settings by their names in Seq2SeqTrainingArguments, with their values.
  std::vector<std::pair<std::string, std::vector<std::string>>> settings;
  std::vector<std::string> remarks;  ///< What was left out, one line each; no text of notes.
};

/// Reads hyperparameters, channels and resources. Data comes from the channels `train` (or `training`, as the
/// SDK calls the only one) and `validation`, the model from the channel `model` (or one of type
/// application/x-sagemaker-model), else from model_name_or_path; `/opt/ml` in values is this folder. The run
/// works in checkpoints/ and goes on from what lies there. `known`: see read_hyperparameters(). Errors:
/// kInvalidArgument for a job that cannot be, naming channel or hyperparameter; kUnsupported for several
/// hosts and for pipes; what reading reports.
Result<JobRequest> read_job(const JobFolder& folder, const std::vector<std::string>& known);

}  // namespace epicrisis::train
