#include "api/sagemaker/training_service.hpp"

#include <fmt/format.h>

#include <fstream>
#include <mutex>
#include <utility>

#include "api/sagemaker/identity.hpp"
#include "api/sagemaker/list_request.hpp"
#include "api/sagemaker/metric_patterns.hpp"
#include "api/sagemaker/worker_launch.hpp"
#include "base/log.hpp"
#include "storage/artifacts/object_store.hpp"

namespace epicrisis::api {
namespace fs = std::filesystem;

using jobs::ProcessRun;
using storage::Microseconds;
using storage::Resource;

namespace {

constexpr std::size_t kMaxReasonBytes = 1024;
constexpr const char* kLogGroup = "/aws/sagemaker/TrainingJobs";

double now_seconds() { return seconds_of(storage::now_us()); }

std::string output_of(const Json& job, const std::string& name) {
  std::string path = job.at("OutputDataConfig").at("S3OutputPath").get<std::string>();
  while (path.ends_with('/')) path.pop_back();
  return fmt::format("{}/{}/output", path, name);
}

void add_times(Json& job) {
  const double end = now_seconds();
  job["TrainingEndTime"] = end;
  const double start = job.value("TrainingStartTime", end);
  job["TrainingTimeInSeconds"] = static_cast<std::int64_t>(end - start);
  job["BillableTimeInSeconds"] = job["TrainingTimeInSeconds"];
}

}  // namespace

/// One job under way.
struct TrainingService::Run {
  std::string name;
  Microseconds created_us;
  Json job;
  TrainingFolder folder;
  std::string log_stream;
  std::mutex mutex;
  MetricPatterns metrics;  // guarded by mutex while the trainer runs
  std::string last_error;  // guarded by mutex while the trainer runs
};

void add_transition(Json& document, std::string_view secondary, std::string_view message, double time) {
  Json& transitions = document["SecondaryStatusTransitions"];
  if (!transitions.is_array()) transitions = Json::array();
  if (!transitions.empty() && !transitions.back().contains("EndTime")) transitions.back()["EndTime"] = time;
  transitions.push_back({{"Status", secondary}, {"StartTime", time}, {"StatusMessage", message}});
  document["SecondaryStatus"] = secondary;
}

std::uint64_t available_memory_bytes() {
  std::ifstream file("/proc/meminfo");
  std::string name;
  std::uint64_t kilobytes = 0;
  std::string unit;
  while (file >> name >> kilobytes) {
    std::getline(file, unit);
    if (name == "MemAvailable:") return kilobytes * 1024;
  }
  return 0;
}

TrainingService::TrainingService(storage::ResourceStore& resources, storage::ObjectStore& objects,
                                 jobs::ControlLoop& loop, TrainingSettings settings, Lines lines)
    : resources_(resources),
      objects_(objects),
      loop_(loop),
      settings_(std::move(settings)),
      lines_(std::move(lines)),
      queue_(settings_.at_once, [this] { return available_memory_bytes() >= settings_.memory_bytes; }) {}

Result<void> TrainingService::create(const std::string& name, Json document,
                                     const std::map<std::string, std::string>& tags) {
  Resource job{std::string(kind::kTrainingJob), name, "InProgress", 0, 0, std::move(document)};
  const double now = now_seconds();
  job.document["LogStream"] = fmt::format("{}/algo-1-{}", name, static_cast<std::int64_t>(now));
  job.document["ModelArtifacts"] = {{"S3ModelArtifacts", output_of(job.document, name) + "/model.tar.gz"}};
  add_transition(job.document, "Starting", "Waiting for the machine", now);
  const std::string arn = job.document.at("TrainingJobArn").get<std::string>();
  EPICRISIS_ASSIGN_OR_RETURN(job.created_us, resources_.create(job, tags, arn));
  submit(job);
  return {};
}

void TrainingService::submit(const Resource& job) {
  queue_.submit(job.name, [this, name = job.name, created_us = job.created_us](const jobs::JobStop& stop) {
    run(name, created_us, stop);
  });
}

Result<void> TrainingService::stop(const Resource& job) {
  const auto edit = [](Resource& current) {
    if (current.status != "InProgress") return false;
    current.status = "Stopping";
    add_transition(current.document, "Stopping", "Stopping the training job", now_seconds());
    return true;
  };
  EPICRISIS_ASSIGN_OR_RETURN(const bool begun,
                             resources_.update(kind::kTrainingJob, job.name, job.created_us, edit));
  if (begun) queue_.request_stop(job.name);
  if (begun || job.status == "Stopping") return {};
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("The request was rejected because the training job is in status {}.", job.status),
               ""};
}

Result<void> TrainingService::restore() {
  EPICRISIS_ASSIGN_OR_RETURN(const std::vector<Resource> jobs, resources_.all(kind::kTrainingJob));
  for (const Resource& job : jobs) {
    if (job.status != "InProgress" && job.status != "Stopping") continue;
    submit(job);
    if (job.status == "Stopping") queue_.request_stop(job.name);
  }
  return {};
}

bool TrainingService::transition(const Run& run, std::string_view status, std::string_view secondary,
                                 std::string_view message, const std::function<void(Json&)>& edit) {
  const auto written = resources_.update(kind::kTrainingJob, run.name, run.created_us, [&](Resource& job) {
    const bool ends = status != "InProgress";
    if (!ends && job.status == "Stopping") return true;  // its end is under way
    job.status = status;
    add_transition(job.document, secondary, message, now_seconds());
    if (edit) edit(job.document);
    if (ends) add_times(job.document);
    return true;
  });
  if (!written) log::error("training.state_not_written", {{"job", log::Word(run.name)}});
  return written && *written;
}

void TrainingService::fail(const Run& run, const std::string& reason) {
  transition(run, "Failed", "Failed", "Training job failed",
             [&](Json& job) { job["FailureReason"] = reason.substr(0, kMaxReasonBytes); });
  log::info("training.failed", {{"job", log::Word(run.name)}});
  std::error_code ignored;
  fs::remove_all(run.folder.root(), ignored);
}

void TrainingService::run(const std::string& name, Microseconds created_us, const jobs::JobStop& stop) {
  const auto found = resources_.find(kind::kTrainingJob, name);
  if (!found || !*found || (*found)->created_us != created_us) return;
  const Json& job = (*found)->document;
  const fs::path root = settings_.folder / fmt::format("{}-{}", name, created_us);
  Run run{name, created_us, job, TrainingFolder(root), job.value("LogStream", name + "/algo-1-0"),
          {},   {},         {}};
  if (const Result<void> prepared = prepare(run, stop); !prepared) {
    if (stop.server.stop_requested()) return;
    if (prepared.error().code != ErrorCode::kCancelled)
      return fail(run, "ClientError: " + prepared.error().to_line());
    transition(run, "Stopped", "Stopped", "Training job stopped before it began");
    return;
  }
  const Result<ProcessRun> process = train(run, stop);
  if (!process) return fail(run, "InternalServerError: " + process.error().to_line());
  if (process->cause == ProcessRun::Cause::kServerEnds) return;
  conclude(run, *process);
}

Result<void> TrainingService::prepare(Run& run, const jobs::JobStop& stop) {
  const auto cancelled = [&stop] { return stop.user.stop_requested() || stop.server.stop_requested(); };
  if (cancelled()) return Error{ErrorCode::kCancelled, "The job was stopped.", ""};
  for (const Json& metric : run.job["AlgorithmSpecification"].value("MetricDefinitions", Json::array())) {
    EPICRISIS_RETURN_IF_ERROR(run.metrics.add(metric.value("Name", ""), metric.value("Regex", "")));
  }
  EPICRISIS_RETURN_IF_ERROR(run.folder.write_configuration(run.job));
  transition(run, "InProgress", "Downloading", "Downloading input data", [](Json& job) {
    if (!job.contains("TrainingStartTime")) job["TrainingStartTime"] = now_seconds();
  });
  return run.folder.fetch_channels(run.job, objects_, cancelled);
}

Result<ProcessRun> TrainingService::train(Run& run, const jobs::JobStop& stop) {
  transition(run, "InProgress", "Training", "Training image download completed. Training in progress.");
  auto environment = run.job.value("Environment", std::map<std::string, std::string>());
  environment["TRAINING_JOB_NAME"] = run.name;
  environment["TRAINING_JOB_ARN"] = run.job.value("TrainingJobArn", "");
  environment["SAGEMAKER_BASE_DIR"] = run.folder.root().string();
  jobs::ProcessSpec spec;
  spec.command = {settings_.program.string(), "--sagemaker", "--prefix", run.folder.root().string()};
  spec.environment = child_environment(environment);
  jobs::RunLimits limits;
  const auto seconds = run.job.at("StoppingCondition").value("MaxRuntimeInSeconds", std::int64_t{86400});
  limits.deadline = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  return jobs::run_to_end(loop_, spec, limits, stop, [this, &run](std::string_view line, bool is_error) {
    const std::lock_guard lock(run.mutex);
    run.metrics.look_in(line);
    constexpr std::string_view kPrefix = "epicrisis-train: ";
    if (is_error && line.starts_with(kPrefix)) run.last_error = line.substr(kPrefix.size());
    if (lines_) lines_(kLogGroup, run.log_stream, line);
  });
}

/// What the trainer left is kept also when it was stopped.
void TrainingService::conclude(Run& run, const ProcessRun& process) {
  const bool by_itself = process.cause == ProcessRun::Cause::kItself;
  if (by_itself && !process.status.is_success()) {
    std::string reason = run.folder.failure();
    if (reason.empty()) reason = run.last_error;
    if (reason.empty()) reason = "The trainer ended with " + process.status.to_string() + ".";
    return fail(run, "AlgorithmError: " + reason);
  }
  transition(run, "InProgress", "Uploading", "Uploading generated training model");
  if (const auto uploaded = run.folder.upload_artifacts(output_of(run.job, run.name), objects_); !uploaded) {
    return fail(run, "ClientError: the artifact could not be written: " + uploaded.error().to_line());
  }
  const auto add_metrics = [&run](Json& job) {
    Json metrics = Json::array();
    for (const auto& [name, metric] : run.metrics.found()) {
      metrics.push_back({{"MetricName", name}, {"Value", metric.value}, {"Timestamp", metric.timestamp}});
    }
    if (!metrics.empty()) job["FinalMetricDataList"] = std::move(metrics);
  };
  if (by_itself) {
    transition(run, "Completed", "Completed", "Training job completed", add_metrics);
  } else if (process.cause == ProcessRun::Cause::kTimedOut) {
    transition(run, "Stopped", "MaxRuntimeExceeded", "Training job runtime exceeded MaxRuntimeInSeconds",
               add_metrics);
  } else {
    transition(run, "Stopped", "Stopped", "Training job stopped", add_metrics);
  }
  log::info("training.ended", {{"job", log::Word(run.name)}, {"by_itself", by_itself}});
  std::error_code ignored;
  fs::remove_all(run.folder.root(), ignored);
}

}  // namespace epicrisis::api
