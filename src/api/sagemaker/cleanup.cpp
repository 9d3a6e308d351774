#include "api/sagemaker/cleanup.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <utility>

#include "api/sagemaker/identity.hpp"
#include "base/log.hpp"
#include "storage/artifacts/object_store.hpp"

namespace epicrisis::api {
namespace fs = std::filesystem;

using storage::Resource;

namespace {

constexpr std::string_view kArtifacts = "training-artifacts";

double seconds_since(storage::Microseconds time) {
  return static_cast<double>(storage::now_us() - time) / 1e6;
}

std::uint64_t size_of_folder(const fs::path& folder) {
  std::uint64_t size_bytes = 0;
  std::error_code ignored;
  for (const auto& entry : fs::recursive_directory_iterator(folder, ignored)) {
    if (entry.is_regular_file(ignored)) size_bytes += entry.file_size(ignored);
  }
  return size_bytes;
}

/// Where a training job wrote its results: "s3://bucket/path/job/output/".
std::optional<S3Location> output_of(const Resource& job) {
  const std::string artifact =
      job.document.value("ModelArtifacts", Json::object()).value("S3ModelArtifacts", "");
  return parse_s3_prefix(artifact.substr(0, artifact.rfind('/') + 1));
}

bool is_older(double seconds, std::chrono::seconds limit) {
  return seconds >= static_cast<double>(limit.count());
}

}  // namespace

/// What was found, and what of it a thing that stays needs.
struct Cleanup::Found {
  std::chrono::seconds older_than;
  std::vector<CleanupItem> items;
  std::set<std::string> kept_configs;
  std::set<std::string> kept_urls;
};

Json CleanupItem::to_json() const {
  return {{"Kind", kind},
          {"Name", name},
          {"IdleSeconds", idle_seconds},
          {"DiskBytes", disk_bytes},
          {"MemoryBytes", memory_bytes}};
}

std::uint64_t memory_of_process(int pid) {
  std::ifstream file(fmt::format("/proc/{}/smaps_rollup", pid));
  std::string word;
  while (file >> word) {
    std::uint64_t kilobytes = 0;
    if (word == "Pss:" && file >> kilobytes) return kilobytes * 1024;
  }
  return 0;
}

Result<std::vector<CleanupItem>> Cleanup::find(std::chrono::seconds older_than) const {
  Found found{older_than, {}, {}, {}};
  EPICRISIS_RETURN_IF_ERROR(find_endpoints(found));
  EPICRISIS_RETURN_IF_ERROR(find_configs_and_models(found));
  EPICRISIS_RETURN_IF_ERROR(find_artifacts(found));
  return std::move(found.items);
}

Result<void> Cleanup::find_endpoints(Found& found) const {
  EPICRISIS_ASSIGN_OR_RETURN(const std::vector<Resource> endpoints, resources_.all(kind::kEndpoint));
  for (const Resource& endpoint : endpoints) {
    CleanupItem item{std::string(kind::kEndpoint), endpoint.name, seconds_since(endpoint.modified_us), 0, 0,
                     endpoint.created_us};
    for (const jobs::VariantState& variant : endpoints_.variants(endpoint.name)) {
      const std::chrono::duration<double> idle = std::chrono::steady_clock::now() - variant.last_used;
      item.idle_seconds = std::min(item.idle_seconds, variant.in_flight > 0 ? 0.0 : idle.count());
      for (const pid_t pid : variant.pids) item.memory_bytes += memory_of_process(pid);
    }
    const Json& active = endpoint.document.at("Active");
    std::set<std::string> folders;
    for (const Json& variant : active.at("Variants")) folders.insert(variant.value("Artifact", ""));
    folders.erase("");
    for (const std::string& key : folders) item.disk_bytes += size_of_folder(artifacts_.path_of(key));
    if (endpoint.status != "Deleting" && is_older(item.idle_seconds, found.older_than)) {
      found.items.push_back(std::move(item));
    } else {
      found.kept_configs.insert(active.value("EndpointConfigName", ""));
    }
  }
  return {};
}

Result<void> Cleanup::find_configs_and_models(Found& found) const {
  std::set<std::string> kept_models;
  EPICRISIS_ASSIGN_OR_RETURN(const std::vector<Resource> configs, resources_.all(kind::kEndpointConfig));
  for (const Resource& config : configs) {
    const double age = seconds_since(config.created_us);
    if (is_older(age, found.older_than) && !found.kept_configs.contains(config.name)) {
      found.items.push_back({std::string(kind::kEndpointConfig), config.name, age, 0, 0, config.created_us});
      continue;
    }
    for (const Json& variant : config.document.at("ProductionVariants"))
      kept_models.insert(variant.value("ModelName", ""));
  }
  EPICRISIS_ASSIGN_OR_RETURN(const std::vector<Resource> models, resources_.all(kind::kModel));
  for (const Resource& model : models) {
    const double age = seconds_since(model.created_us);
    if (is_older(age, found.older_than) && !kept_models.contains(model.name)) {
      found.items.push_back({std::string(kind::kModel), model.name, age, 0, 0, model.created_us});
    } else {
      found.kept_urls.insert(container_of_model(model.document).value("ModelDataUrl", ""));
    }
  }
  return {};
}

Result<void> Cleanup::find_artifacts(Found& found) const {
  EPICRISIS_ASSIGN_OR_RETURN(const std::vector<Resource> jobs, resources_.all(kind::kTrainingJob));
  for (const Resource& job : jobs) {
    const double age = seconds_since(job.modified_us);
    const bool ended = job.status != "InProgress" && job.status != "Stopping";
    const std::string url =
        job.document.value("ModelArtifacts", Json::object()).value("S3ModelArtifacts", "");
    const std::optional<S3Location> output = output_of(job);
    if (!ended || !output || found.kept_urls.contains(url) || !is_older(age, found.older_than)) continue;
    storage::ListQuery query;
    query.prefix = output->key;
    const Result<storage::Listing> listing = objects_.list(output->bucket, query);
    if (!listing || listing->objects.empty()) continue;
    CleanupItem item{std::string(kArtifacts), job.name, age, 0, 0, job.created_us};
    for (const storage::ObjectInfo& object : listing->objects) item.disk_bytes += object.size_bytes;
    found.items.push_back(std::move(item));
  }
  return {};
}

Result<void> Cleanup::remove(const std::vector<CleanupItem>& items) {
  for (const CleanupItem& item : items) {
    if (item.kind == kArtifacts) {
      EPICRISIS_RETURN_IF_ERROR(remove_artifacts(item.name));
      continue;
    }
    EPICRISIS_ASSIGN_OR_RETURN(const std::optional<Resource> resource, resources_.find(item.kind, item.name));
    if (!resource || resource->created_us != item.created_us) continue;  // another has its name now
    if (item.kind == kind::kEndpoint) {
      EPICRISIS_RETURN_IF_ERROR(endpoints_.remove(*resource));
      continue;
    }
    const bool is_model = item.kind == kind::kModel;
    const std::string arn = resource->document.value(is_model ? "ModelArn" : "EndpointConfigArn", "");
    EPICRISIS_RETURN_IF_ERROR(resources_.remove(item.kind, item.name, item.created_us, arn));
  }
  log::info("cleanup.done", {{"items", items.size()}});
  return {};
}

Result<void> Cleanup::remove_artifacts(const std::string& job) {
  EPICRISIS_ASSIGN_OR_RETURN(const std::optional<Resource> found, resources_.find(kind::kTrainingJob, job));
  const std::optional<S3Location> output = found ? output_of(*found) : std::nullopt;
  if (!output) return {};
  storage::ListQuery query;
  query.prefix = output->key;
  EPICRISIS_ASSIGN_OR_RETURN(const storage::Listing listing, objects_.list(output->bucket, query));
  for (const storage::ObjectInfo& object : listing.objects) {
    EPICRISIS_RETURN_IF_ERROR(objects_.remove(output->bucket, object.key));
  }
  return {};
}

}  // namespace epicrisis::api
