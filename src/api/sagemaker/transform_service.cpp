#include "api/sagemaker/transform_service.hpp"

#include <fmt/format.h>

#include <future>
#include <optional>
#include <utility>

#include "api/sagemaker/identity.hpp"
#include "api/sagemaker/list_request.hpp"
#include "api/sagemaker/training_service.hpp"
#include "base/log.hpp"
#include "storage/artifacts/object_store.hpp"

namespace epicrisis::api {
namespace fs = std::filesystem;

using storage::Microseconds;
using storage::Resource;

namespace {

constexpr std::size_t kMaxReasonBytes = 1024;
constexpr std::string_view kNamePrefix = "transform:";
constexpr const char* kVariant = "transform";

double now_seconds() { return seconds_of(storage::now_us()); }

bool is_unfinished(const Resource& job) { return job.status == "InProgress" || job.status == "Stopping"; }

/// The model's container with the job's own environment over the model's.
Json container_of(const Json& job) {
  Json container = job.at("Container");
  const Json own = job.value("Environment", Json::object());
  for (const auto& [name, value] : own.items()) container["Environment"][name] = value;
  return container;
}

}  // namespace

std::string_view transform_log_stream(std::string_view supervised_name) {
  return supervised_name.starts_with(kNamePrefix) ? supervised_name.substr(kNamePrefix.size())
                                                  : std::string_view();
}

Result<std::set<std::string>> artifacts_of_transforms(const storage::ResourceStore& resources) {
  EPICRISIS_ASSIGN_OR_RETURN(const std::vector<Resource> jobs, resources.all(kind::kTransformJob));
  std::set<std::string> keys;
  for (const Resource& job : jobs) {
    if (is_unfinished(job)) keys.insert(job.document.value("Artifact", ""));
  }
  return keys;
}

/// One job under way.
struct TransformService::Run {
  std::string name;
  Microseconds created_us;
  Json job;
  TransformPlan plan;
  std::string supervised;
  fs::path folder;
  std::optional<ArtifactCache::Pin> pin;
  TransformProgress progress;
};

TransformService::TransformService(storage::ResourceStore& resources, storage::ObjectStore& objects,
                                   ArtifactCache& artifacts, jobs::EndpointSupervisor& supervisor,
                                   TransformSettings settings)
    : resources_(resources),
      objects_(objects),
      artifacts_(artifacts),
      supervisor_(supervisor),
      settings_(std::move(settings)),
      queue_(settings_.at_once, [this] { return available_memory_bytes() >= settings_.memory_bytes; }) {}

Result<void> TransformService::create(const std::string& name, Json document,
                                      const std::map<std::string, std::string>& tags) {
  Resource job{std::string(kind::kTransformJob), name, "InProgress", 0, 0, std::move(document)};
  job.document["LogStream"] = fmt::format("{}/algo-1-{}", name, static_cast<std::int64_t>(now_seconds()));
  const std::string arn = job.document.at("TransformJobArn").get<std::string>();
  EPICRISIS_ASSIGN_OR_RETURN(job.created_us, resources_.create(job, tags, arn));
  submit(job);
  return {};
}

void TransformService::submit(const Resource& job) {
  queue_.submit(job.name, [this, name = job.name, created_us = job.created_us](const jobs::JobStop& stop) {
    run(name, created_us, stop);
  });
}

Result<void> TransformService::stop(const Resource& job) {
  const auto begin = [](Resource& current) {
    if (current.status != "InProgress") return false;
    current.status = "Stopping";
    return true;
  };
  EPICRISIS_ASSIGN_OR_RETURN(const bool begun,
                             resources_.update(kind::kTransformJob, job.name, job.created_us, begin));
  if (begun) queue_.request_stop(job.name);
  if (begun || job.status == "Stopping") return {};
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("The request was rejected because the transform job is in status {}.", job.status),
               ""};
}

Result<void> TransformService::restore() {
  EPICRISIS_ASSIGN_OR_RETURN(const std::vector<Resource> jobs, resources_.all(kind::kTransformJob));
  for (const Resource& job : jobs) {
    if (!is_unfinished(job)) continue;
    submit(job);
    if (job.status == "Stopping") queue_.request_stop(job.name);
  }
  return {};
}

void TransformService::edit(const Run& run, const std::function<void(Resource&)>& change) {
  const auto written = resources_.update(kind::kTransformJob, run.name, run.created_us,
                                         [&change](Resource& job) { return change(job), true; });
  if (!written) log::error("transform.state_not_written", {{"job", log::Word(run.name)}});
}

void TransformService::run(const std::string& name, Microseconds created_us, const jobs::JobStop& stop) {
  const auto found = resources_.find(kind::kTransformJob, name);
  if (!found || !*found || (*found)->created_us != created_us) return;
  Run run;
  run.name = name;
  run.created_us = created_us;
  run.job = (*found)->document;
  run.supervised = std::string(kNamePrefix) + run.job.value("LogStream", name);
  run.folder = settings_.folder / fmt::format("{}-{}", name, created_us);
  run.progress = TransformProgress::of(run.job.value("Progress", Json::object()));
  Result<void> outcome = stop.user.stop_requested()
                             ? Result<void>(Error{ErrorCode::kCancelled, "The job was stopped.", ""})
                             : serve(run, stop);
  if (outcome) outcome = transform(run, stop);
  std::promise<void> gone;
  supervisor_.remove(run.supervised, [&gone] { gone.set_value(); });
  gone.get_future().wait();
  if (stop.server.stop_requested() && !outcome && outcome.error().code == ErrorCode::kCancelled &&
      !stop.user.stop_requested()) {
    return;  // goes on after the next start
  }
  end(run, outcome, stop);
}

Result<jobs::VariantSpec> TransformService::variant_of(Run& run) {
  const Json container = container_of(run.job);
  const std::string url = container.value("ModelDataUrl", "");
  std::string artifact = run.job.value("Artifact", "");
  fs::path folder;
  if (!url.empty()) {
    if (!artifacts_.has(artifact)) {
      EPICRISIS_ASSIGN_OR_RETURN(ArtifactCache::Pin pin, artifacts_.fetch(url));
      artifact = pin.key();
      run.pin.emplace(std::move(pin));
      edit(run, [&artifact](Resource& job) { job.document["Artifact"] = artifact; });
    }
    folder = artifacts_.path_of(artifact);
  }
  jobs::VariantSpec spec;
  spec.name = kVariant;
  EPICRISIS_ASSIGN_OR_RETURN(spec.pool.worker, make_worker_spec(settings_.worker, container, folder, 1));
  const std::string max_body = std::to_string(run.plan.max_payload_bytes);
  const std::string timeout = std::to_string(run.plan.timeout.count());
  for (const std::string& argument :
       {std::string("--max-body-bytes"), max_body, std::string("--request-timeout"), timeout}) {
    spec.pool.worker.command.push_back(argument);
  }
  return spec;
}

/// Starts the job's worker and waits until it is ready.
Result<void> TransformService::serve(Run& run, const jobs::JobStop& stop) {
  EPICRISIS_ASSIGN_OR_RETURN(run.plan, read_transform_plan(run.job));
  EPICRISIS_ASSIGN_OR_RETURN(const jobs::VariantSpec spec, variant_of(run));
  edit(run, [](Resource& job) {
    if (!job.document.contains("TransformStartTime")) job.document["TransformStartTime"] = now_seconds();
  });
  std::promise<Result<void>> settled;
  supervisor_.deploy(
      run.supervised, [spec] { return Result<std::vector<jobs::VariantSpec>>({spec}); },
      [&settled](const Result<void>& outcome) { settled.set_value(outcome); });
  const std::function<void()> give_up = [this, &run] { supervisor_.remove(run.supervised, [] {}); };
  const std::stop_callback on_user(stop.user, give_up);
  const std::stop_callback on_server(stop.server, give_up);
  return settled.get_future().get();
}

Result<void> TransformService::transform(Run& run, const jobs::JobStop& stop) {
  std::error_code failure;
  fs::create_directories(run.folder, failure);
  if (failure) return Error{ErrorCode::kResourceExhausted, "The job's folder cannot be created.", ""};
  std::stop_source either;
  const std::function<void()> pass_on = [&either] { either.request_stop(); };
  const std::stop_callback on_user(stop.user, pass_on);
  const std::stop_callback on_server(stop.server, pass_on);
  TransformRun records(
      run.plan, objects_, supervisor_, run.supervised, run.folder / "part", run.progress,
      [this, &run](const TransformProgress& progress) {
        edit(run, [&progress](Resource& job) { job.document["Progress"] = progress.to_json(); });
      },
      either.get_token());
  const Result<void> done = records.run();
  run.progress = records.progress();
  return done;
}

void TransformService::end(const Run& run, const Result<void>& outcome, const jobs::JobStop& stop) {
  std::string status = "Completed";
  std::string reason;
  if (!outcome && stop.user.stop_requested()) {
    status = "Stopped";
  } else if (!outcome) {
    reason = outcome.error().to_line();
  } else if (run.progress.objects_failed > 0) {
    reason = fmt::format("{} of {} objects failed. {}", run.progress.objects_failed,
                         run.progress.objects_failed + run.progress.objects_done, run.progress.failure);
  }
  if (!reason.empty()) status = "Failed";
  edit(run, [&](Resource& job) {
    job.status = status;
    job.document["Progress"] = run.progress.to_json();
    job.document["TransformEndTime"] = now_seconds();
    if (!reason.empty())
      job.document["FailureReason"] = ("ClientError: " + reason).substr(0, kMaxReasonBytes);
  });
  log::info("transform.ended", {{"job", log::Word(run.name)},
                                {"completed", status == "Completed"},
                                {"records", run.progress.records_done}});
  std::error_code ignored;
  fs::remove_all(run.folder, ignored);
}

}  // namespace epicrisis::api
