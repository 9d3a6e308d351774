#include "api/sagemaker/sagemaker_service.hpp"

#include <fmt/format.h>

#include <utility>

#include "api/sagemaker/artifact_cache.hpp"
#include "api/sagemaker/async_invocations.hpp"
#include "api/sagemaker/cleanup.hpp"
#include "api/sagemaker/control_plane.hpp"
#include "api/sagemaker/endpoint_service.hpp"
#include "api/sagemaker/training_service.hpp"
#include "api/sagemaker/transform_service.hpp"
#include "jobs/endpoint_supervisor.hpp"
#include "server/compute_pool.hpp"
#include "storage/artifacts/object_store.hpp"

namespace epicrisis::api {
namespace {

constexpr std::size_t kControlThreads = 2;
constexpr std::size_t kControlQueue = 1024;
constexpr std::size_t kBlockingThreads = 3;

WorkerSettings worker_settings(const SageMakerSettings& settings) {
  return {settings.worker_program, settings.worker_threads, settings.worker_queue_size};
}

EndpointSettings endpoint_settings(const SageMakerSettings& settings) {
  EndpointSettings endpoint;
  endpoint.worker = worker_settings(settings);
  endpoint.idle_unload = settings.idle_unload;
  return endpoint;
}

TrainingSettings training_settings(const SageMakerSettings& settings) {
  TrainingSettings training;
  training.folder = settings.folder / "jobs";
  training.program = settings.trainer_program;
  training.at_once = settings.jobs_at_once;
  return training;
}

TransformSettings transform_settings(const SageMakerSettings& settings) {
  TransformSettings transform;
  transform.folder = settings.folder / "transforms";
  transform.worker = worker_settings(settings);
  transform.at_once = settings.jobs_at_once;
  return transform;
}

/// Workers of endpoints write to a stream of this start of the server, those of a transform to its job's.
jobs::EndpointSupervisor::Lines endpoint_lines(const LogLines& lines) {
  const std::string stream = fmt::format("workers/{}", storage::now_us() / 1'000'000);
  return [lines, stream](const std::string& endpoint, std::string_view line) {
    if (!lines) return;
    if (const std::string_view job = transform_log_stream(endpoint); !job.empty()) {
      return lines("/aws/sagemaker/TransformJobs", std::string(job), line);
    }
    lines("/aws/sagemaker/Endpoints/" + endpoint, stream, line);
  };
}

}  // namespace

struct SageMakerService::State {
  State(storage::Database& database, storage::ObjectStore& objects, const SageMakerSettings& settings,
        const LogLines& lines)
      : resources(database),
        artifacts(settings.folder / "artifacts", objects),
        loop(kBlockingThreads),
        supervisor(loop, endpoint_lines(lines)),
        endpoints(resources, artifacts, loop, supervisor, endpoint_settings(settings)),
        async(resources, objects, loop, supervisor, {}),
        runtime(supervisor, async),
        training(resources, objects, loop, training_settings(settings), lines),
        transforms(resources, objects, artifacts, supervisor, transform_settings(settings)),
        control({resources, objects, endpoints, training, transforms}),
        cleanup(resources, objects, endpoints, artifacts),
        calls(kControlThreads, kControlQueue) {}

  storage::ResourceStore resources;
  ArtifactCache artifacts;
  jobs::ControlLoop loop;
  jobs::EndpointSupervisor supervisor;
  EndpointService endpoints;
  AsyncInvocations async;
  Runtime runtime;
  TrainingService training;
  TransformService transforms;
  ControlPlane control;
  Cleanup cleanup;
  server::ComputePool calls;
};

SageMakerService::SageMakerService(storage::Database& database, storage::ObjectStore& objects,
                                   SageMakerSettings settings, LogLines log_lines)
    : state_(std::make_unique<State>(database, objects, settings, log_lines)) {}

SageMakerService::~SageMakerService() { stop(); }

Result<void> SageMakerService::restore() {
  EPICRISIS_RETURN_IF_ERROR(state_->endpoints.restore());
  EPICRISIS_RETURN_IF_ERROR(state_->async.restore());
  EPICRISIS_RETURN_IF_ERROR(state_->training.restore());
  return state_->transforms.restore();
}

Result<Json> SageMakerService::run(std::string_view operation, const Json& request,
                                   const AwsScope& scope) const {
  return state_->control.run(operation, request, scope);
}

Result<Json> SageMakerService::clean_up(std::chrono::seconds older_than, bool dry_run) {
  EPICRISIS_ASSIGN_OR_RETURN(const std::vector<CleanupItem> items, state_->cleanup.find(older_than));
  if (!dry_run) EPICRISIS_RETURN_IF_ERROR(state_->cleanup.remove(items));
  Json answer = {{"Items", Json::array()}};
  for (const CleanupItem& item : items) answer["Items"].push_back(item.to_json());
  return answer;
}

std::vector<std::string> SageMakerService::operations() const { return state_->control.operations(); }

void SageMakerService::control(std::string operation, server::Request request,
                               const server::Responder& responder, AwsScope scope) {
  auto shared = std::make_shared<server::Request>(std::move(request));
  auto task = [this, operation = std::move(operation), shared, responder, scope = std::move(scope)] {
    responder.send(state_->control.call(operation, shared->body.reveal(), scope));
  };
  if (!state_->calls.try_submit(std::move(task))) {
    responder.send(json_error({ErrorCode::kUnavailable, "Too many calls wait; try again.", ""}));
  }
}

void SageMakerService::runtime(const RuntimePath& path, server::Request request, std::stop_token stop,
                               const server::Responder& responder, const AwsScope& scope) {
  state_->runtime.handle(path, std::move(request), std::move(stop), responder, scope);
}

void SageMakerService::stop() {
  state_->calls.stop();
  state_->training.shut_down();
  state_->transforms.shut_down();
  state_->loop.stop();
}

}  // namespace epicrisis::api
