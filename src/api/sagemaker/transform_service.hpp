#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <string>

#include "api/sagemaker/artifact_cache.hpp"
#include "api/sagemaker/transform_run.hpp"
#include "api/sagemaker/worker_launch.hpp"
#include "jobs/endpoint_supervisor.hpp"
#include "jobs/job_queue.hpp"
#include "storage/resources/resource_store.hpp"

namespace epicrisis::api {

struct TransformSettings {
  std::filesystem::path folder;  ///< Running jobs keep unfinished results in it.
  WorkerSettings worker;
  std::size_t at_once = 1;
  std::uint64_t memory_bytes = 1ULL << 30;  ///< What a job is taken to need beside others.
};

/// Batch transform jobs: each has a worker of its own, which the supervisor knows by a name that no endpoint
/// can have, `transform:<log stream>`. A job's document is the request with what Describe adds, the
/// container it runs and its progress. Thread-safe; calls may block.
class TransformService {
 public:
  /// All outlive the service.
  TransformService(storage::ResourceStore& resources, storage::ObjectStore& objects, ArtifactCache& artifacts,
                   jobs::EndpointSupervisor& supervisor, TransformSettings settings);

  /// Errors: kConflict when there is a job of that name.
  Result<void> create(const std::string& name, Json document, const std::map<std::string, std::string>& tags);
  /// Errors: kInvalidArgument when the job has ended.
  Result<void> stop(const storage::Resource& job);
  /// Goes on with the jobs that ran before a restart.
  Result<void> restore();
  /// Ends running jobs; they go on after the next start.
  void shut_down() { queue_.stop(); }

 private:
  struct Run;
  void submit(const storage::Resource& job);
  void run(const std::string& name, storage::Microseconds created_us, const jobs::JobStop& stop);
  Result<void> serve(Run& run, const jobs::JobStop& stop);
  Result<void> transform(Run& run, const jobs::JobStop& stop);
  Result<jobs::VariantSpec> variant_of(Run& run);
  void end(const Run& run, const Result<void>& outcome, const jobs::JobStop& stop);
  void edit(const Run& run, const std::function<void(storage::Resource&)>& change);

  storage::ResourceStore& resources_;
  storage::ObjectStore& objects_;
  ArtifactCache& artifacts_;
  jobs::EndpointSupervisor& supervisor_;
  const TransformSettings settings_;
  jobs::JobQueue queue_;
};

/// The log stream that a name of the supervisor stands for; empty for an endpoint.
std::string_view transform_log_stream(std::string_view supervised_name);
/// The keys of unpacked models that unfinished jobs need.
Result<std::set<std::string>> artifacts_of_transforms(const storage::ResourceStore& resources);

}  // namespace epicrisis::api
