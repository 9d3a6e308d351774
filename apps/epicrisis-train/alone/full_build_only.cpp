// What the trainer that is built alone (cmake --preset train-only) says of what it leaves to the full build.
#include <algorithm>
#include <filesystem>
#include <utility>

#include "config_file.hpp"
#include "data/data_location.hpp"
#include "sagemaker_job.hpp"
#include "training_inputs.hpp"

namespace epicrisis {
namespace {

Error full_build_only(std::string message) { return {ErrorCode::kUnsupported, std::move(message), {}}; }

}  // namespace

class ModelFolder {};  // none is ever unpacked here

TrainingInputs::TrainingInputs(train::TrainingOptions options) : options_(std::move(options)) {}
TrainingInputs::TrainingInputs(TrainingInputs&&) noexcept = default;
TrainingInputs& TrainingInputs::operator=(TrainingInputs&&) noexcept = default;
TrainingInputs::~TrainingInputs() = default;

Result<TrainingInputs> TrainingInputs::fetch(train::TrainingOptions options) {
  if (!options.model.empty() && !std::filesystem::is_directory(options.model))
    return full_build_only(
        "--model-name-or-path must be a folder: a trainer that was built alone opens no "
        "archives and knows no model names.");
  return TrainingInputs(std::move(options));
}

Result<std::vector<ConfigEntry>> read_yaml_config(const std::string&, const std::string& file) {
  return Error{ErrorCode::kUnsupported,
               "A trainer that was built alone reads options as JSON; give --config a file named *.json.",
               file};
}

Result<std::optional<std::filesystem::path>> sagemaker_prefix(const std::vector<std::string>& arguments) {
  if (std::ranges::find(arguments, "--sagemaker") == arguments.end())
    return std::optional<std::filesystem::path>();
  return full_build_only(
      "--sagemaker tokenizes the job's data, which a trainer that was built alone cannot; "
      "use the full build.");
}

/// Never reached: sagemaker_prefix() names no job.
int run_sagemaker_job(const std::filesystem::path&, const TrainFunction&) { return 2; }

}  // namespace epicrisis
