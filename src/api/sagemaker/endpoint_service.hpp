#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/sagemaker/artifact_cache.hpp"
#include "api/sagemaker/identity.hpp"
#include "api/sagemaker/worker_launch.hpp"
#include "base/json.hpp"
#include "jobs/endpoint_supervisor.hpp"
#include "storage/resources/resource_store.hpp"

namespace epicrisis::api {

struct EndpointSettings {
  WorkerSettings worker;
  std::chrono::milliseconds idle_unload{0};  ///< 0: never.
  int max_instances = 64;                    ///< Workers of one endpoint.
};

/// Endpoints as resources: ties what the metadata store says to the processes of the supervisor. A document
/// has a deployment `Active`, which serves, and during an update `Next`; each holds all that its workers
/// need, so that config and model may be deleted meanwhile. Thread-safe; calls may block.
class EndpointService {
 public:
  /// All outlive the service.
  EndpointService(storage::ResourceStore& resources, ArtifactCache& artifacts, jobs::ControlLoop& loop,
                  jobs::EndpointSupervisor& supervisor, EndpointSettings settings)
      : resources_(resources),
        artifacts_(artifacts),
        loop_(loop),
        supervisor_(supervisor),
        settings_(std::move(settings)) {}

  /// The deployment that `config` (a document) asks for with the models as they are now. Errors:
  /// kInvalidArgument, kResourceExhausted.
  Result<Json> resolve(const Json& config, const AwsScope& scope) const;

  /// Errors of create: kConflict. The others: kInvalidArgument while the endpoint is not InService.
  Result<void> create(const std::string& name, Json deployment,
                      const std::map<std::string, std::string>& tags, const std::string& arn);
  Result<void> update(const storage::Resource& endpoint, Json deployment);
  Result<void> change(const storage::Resource& endpoint, const std::vector<jobs::VariantChange>& changes);
  /// In any state; again does nothing.
  Result<void> remove(const storage::Resource& endpoint);
  /// Brings back every endpoint after a restart.
  Result<void> restore();
  /// Removes unpacked models that no endpoint uses; returns the bytes it freed.
  Result<std::uint64_t> collect_artifacts();
  std::vector<jobs::VariantState> variants(const std::string& name) { return supervisor_.variants(name); }

 private:
  enum class Slot { kActive, kNext };
  void start(const storage::Resource& endpoint, Slot slot, bool restart);
  void restore_one(const storage::Resource& endpoint);
  Result<std::vector<jobs::VariantSpec>> prepare(const std::string& name, storage::Microseconds created_us,
                                                 Slot slot);
  Result<jobs::VariantSpec> prepare_variant(const Json& variant, std::vector<ArtifactCache::Pin>& pins,
                                            std::string& artifact);
  void settle(const std::string& name, storage::Microseconds created_us, Slot slot,
              const Result<void>& outcome);
  void finish_removal(const std::string& name, storage::Microseconds created_us, const std::string& arn);

  storage::ResourceStore& resources_;
  ArtifactCache& artifacts_;
  jobs::ControlLoop& loop_;
  jobs::EndpointSupervisor& supervisor_;
  const EndpointSettings settings_;
};

/// The one container of a model's document.
Json container_of_model(const Json& model);

}  // namespace epicrisis::api
