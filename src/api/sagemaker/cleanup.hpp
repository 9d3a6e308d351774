#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "api/sagemaker/endpoint_service.hpp"
#include "base/json.hpp"
#include "storage/resources/resource_store.hpp"

namespace epicrisis::storage {
class ObjectStore;
}

namespace epicrisis::api {

/// Something that could go, and what that would give back.
struct CleanupItem {
  std::string kind;  ///< "endpoint", "endpoint-config", "model", "training-artifacts".
  std::string name;
  double idle_seconds = 0;  ///< Since an endpoint's last request, or since the creation of the others.
  std::uint64_t disk_bytes = 0;
  std::uint64_t memory_bytes = 0;  ///< Proportional set size of its workers.
  std::int64_t created_us = 0;

  Json to_json() const;
};

/// Finds and removes what is left over: endpoints, endpoint configs, models, and the artifacts of training
/// jobs that ended. What a younger thing needs stays. Thread-safe; calls may block.
class Cleanup {
 public:
  /// All outlive this object. `artifacts` is the folder of unpacked models.
  Cleanup(storage::ResourceStore& resources, storage::ObjectStore& objects, EndpointService& endpoints,
          const ArtifactCache& artifacts)
      : resources_(resources), objects_(objects), endpoints_(endpoints), artifacts_(artifacts) {}

  /// What has not been used for `older_than`; in the order in which remove() takes it.
  Result<std::vector<CleanupItem>> find(std::chrono::seconds older_than) const;
  /// Removes them. Endpoints answer the requests they have first.
  Result<void> remove(const std::vector<CleanupItem>& items);

 private:
  struct Found;
  Result<void> find_endpoints(Found& found) const;
  Result<void> find_configs_and_models(Found& found) const;
  Result<void> find_artifacts(Found& found) const;
  Result<void> remove_artifacts(const std::string& job);

  storage::ResourceStore& resources_;
  storage::ObjectStore& objects_;
  EndpointService& endpoints_;
  const ArtifactCache& artifacts_;
};

/// Proportional set size of a process, from /proc; 0 when it is gone.
std::uint64_t memory_of_process(int pid);

}  // namespace epicrisis::api
