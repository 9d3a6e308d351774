#include "sagemaker_job.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "base/files.hpp"
#include "container_observer.hpp"
#include "job_results.hpp"
#include "train/checkpoint_folders.hpp"
#include "train/container/job_folder.hpp"
#include "train/training_option.hpp"
#include "training_command_line.hpp"

namespace epicrisis {
namespace {
namespace fs = std::filesystem;

Error invalid(std::string message) { return Error{ErrorCode::kInvalidArgument, std::move(message), {}}; }

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

/// The job's settings as arguments of the command line.
std::vector<std::string> arguments_of(const train::JobRequest& request) {
  std::vector<std::string> arguments;
  for (const auto& [name, values] : request.settings)
    for (const std::string& value : values) arguments.push_back(fmt::format("--{}={}", name, value));
  return arguments;
}

std::vector<std::string> option_names() {
  std::vector<std::string> names;
  for (const train::TrainingOption& option : train::training_option_table())
    names.insert(names.end(), option.names.begin(), option.names.end());
  return names;
}

Result<train::TrainingOptions> options_of(const train::JobFolder& job) {
  EPICRISIS_ASSIGN_OR_RETURN(const train::JobRequest request, train::read_job(job, option_names()));
  for (const std::string& remark : request.remarks) fmt::print(stderr, "epicrisis-train: {}\n", remark);
  EPICRISIS_ASSIGN_OR_RETURN(TrainingCommand command, parse_training_command(arguments_of(request)));
  if (!command.options) return invalid("The job's hyperparameters ask for no training.");
  train::TrainingOptions options = *std::move(command.options);
  if (options.dry_run || options.prepare_only)
    return invalid("A training job trains: leave out the hyperparameters dry_run and prepare_only.");
  if (options.run_name.empty()) options.run_name = environment("TRAINING_JOB_NAME");
  if (options.run_name.empty()) options.run_name = "Training job";
  return options;
}

Result<void> run_job(const train::JobFolder& job, const TrainFunction& train) {
  ContainerObserver observer;  // signals are heeded from here on
  EPICRISIS_ASSIGN_OR_RETURN(train::TrainingOptions options, options_of(job));
  const Result<Json> results = train(std::move(options), observer);
  observer.finish();
  if (results) {
    fmt::print("{}\n", python_dictionary(*results));
    return publish_results(job);
  }
  const auto checkpoints = train::find_checkpoints(job.checkpoints());
  if (results.error().code == ErrorCode::kCancelled && !checkpoints.empty()) {
    // What stopped the job is what its owner must read, whether or not this works.
    if (const auto published = publish_checkpoint(job, checkpoints.back()); !published)
      fmt::print(stderr, "epicrisis-train: {}\n", published.error().to_line());
  }
  return results.error();
}

/// The platform shows the first 1024 characters.
void write_failure(const train::JobFolder& job, const Error& error) {
  std::error_code ignored;
  fs::create_directories(job.failure().parent_path(), ignored);
  if (const auto written = write_file_atomically(job.failure(), error.to_line() + "\n"); !written)
    fmt::print(stderr, "epicrisis-train: {}\n", written.error().to_line());
}

}  // namespace

Result<std::optional<fs::path>> sagemaker_prefix(const std::vector<std::string>& arguments) {
  if (std::ranges::find(arguments, "--sagemaker") == arguments.end()) return std::optional<fs::path>();
  std::string prefix = environment("SAGEMAKER_BASE_DIR");
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    constexpr std::string_view kPrefixIs = "--prefix=";
    if (argument == "--sagemaker") continue;
    if (argument == "--prefix" && i + 1 < arguments.size())
      prefix = arguments[++i];
    else if (argument.starts_with(kPrefixIs))
      prefix = argument.substr(kPrefixIs.size());
    else
      return invalid(
          fmt::format("--sagemaker takes --prefix DIR and no more, not {}: the job's "
                      "hyperparameters hold the options.",
                      argument));
  }
  return std::optional<fs::path>(prefix.empty() ? fs::path("/opt/ml") : fs::path(prefix));
}

int run_sagemaker_job(const fs::path& prefix, const TrainFunction& train) {
  const train::JobFolder job(fs::absolute(prefix));
  std::error_code ignored;
  fs::remove(job.failure(), ignored);  // of an earlier start
  Result<void> outcome = Error{ErrorCode::kInternal, "Training failed.", {}};
  try {
    outcome = run_job(job, train);
  } catch (const std::exception& failure) {
    outcome =
        Error{ErrorCode::kInternal, "Training failed; this is a defect of the trainer.", failure.what()};
  }
  if (outcome) return std::fflush(stdout) == 0 ? 0 : 1;
  fmt::print(stderr, "epicrisis-train: {}\n", outcome.error().to_line());
  write_failure(job, outcome.error());
  return exit_code(outcome.error());
}

}  // namespace epicrisis
