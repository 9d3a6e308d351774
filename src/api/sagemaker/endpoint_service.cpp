#include "api/sagemaker/endpoint_service.hpp"

#include <fmt/format.h>

#include <set>
#include <utility>

#include "api/sagemaker/control_context.hpp"
#include "api/sagemaker/transform_service.hpp"
#include "base/log.hpp"

namespace epicrisis::api {

using storage::Microseconds;
using storage::Resource;

namespace {

constexpr std::size_t kMaxReasonBytes = 1024;
constexpr const char* kActive = "Active";
constexpr const char* kNext = "Next";

Error in_progress(const Resource& endpoint) {
  return {
      ErrorCode::kInvalidArgument,
      fmt::format("Cannot update in-progress endpoint \"{}\".", endpoint.document.value("EndpointArn", "")),
      ""};
}

void set_reason(Resource& endpoint, const std::string& reason) {
  endpoint.document["FailureReason"] = reason.substr(0, kMaxReasonBytes);
}

void take_change(Json& variant, const jobs::VariantChange& change) {
  if (change.weight) variant["Weight"] = *change.weight;
  if (change.instances) variant["InstanceCount"] = *change.instances;
}

/// A write that fails is the store's own trouble; the endpoint goes on, and a restart reads the state before.
void log_lost(const Result<bool>& written) {
  if (!written)
    log::error("endpoint.state_not_written", {{"code", log::Word(to_string(written.error().code))}});
}

}  // namespace

Json container_of_model(const Json& model) {
  if (const auto primary = model.find("PrimaryContainer"); primary != model.end()) return *primary;
  const auto list = model.find("Containers");
  return list != model.end() && !list->empty() ? list->front() : Json::object();
}

Result<Json> EndpointService::resolve(const Json& config, const AwsScope& scope) const {
  Json deployment = {{"EndpointConfigName", config.at("EndpointConfigName")}, {"Variants", Json::array()}};
  if (const auto async = config.find("AsyncInferenceConfig"); async != config.end()) {
    deployment["AsyncInferenceConfig"] = *async;
  }
  std::int64_t instances = 0;
  for (const Json& variant : config.at("ProductionVariants")) {
    const auto model_name = variant.at("ModelName").get<std::string>();
    EPICRISIS_ASSIGN_OR_RETURN(const std::optional<Resource> model,
                               resources_.find(kind::kModel, model_name));
    if (!model) return could_not_find("model", scope.arn(kind::kModel, model_name));
    const auto count = variant.at("InitialInstanceCount").get<std::int64_t>();
    instances += count;
    Json entry = {{"VariantName", variant.at("VariantName")},
                  {"Weight", variant.value("InitialVariantWeight", 1.0)},
                  {"InstanceCount", count},
                  {"Container", container_of_model(model->document)}};
    entry["StartupTimeout"] = variant.value("ContainerStartupHealthCheckTimeoutInSeconds", 480);
    deployment["Variants"].push_back(std::move(entry));
  }
  if (instances > settings_.max_instances) {
    return Error{ErrorCode::kResourceExhausted,
                 fmt::format("The endpoint asks for {} instances, but this server allows {}.", instances,
                             settings_.max_instances),
                 ""};
  }
  return deployment;
}

Result<void> EndpointService::create(const std::string& name, Json deployment,
                                     const std::map<std::string, std::string>& tags, const std::string& arn) {
  Resource endpoint{std::string(kind::kEndpoint), name, "Creating", 0, 0, Json::object()};
  endpoint.document = {{"EndpointArn", arn}, {kActive, std::move(deployment)}};
  EPICRISIS_ASSIGN_OR_RETURN(endpoint.created_us, resources_.create(endpoint, tags, arn));
  start(endpoint, Slot::kActive, false);
  return {};
}

Result<void> EndpointService::update(const Resource& endpoint, Json deployment) {
  const auto edit = [&deployment](Resource& current) {
    if (current.status != "InService") return false;
    current.status = "Updating";
    current.document[kNext] = deployment;
    return true;
  };
  EPICRISIS_ASSIGN_OR_RETURN(const bool begun,
                             resources_.update(kind::kEndpoint, endpoint.name, endpoint.created_us, edit));
  if (!begun) return in_progress(endpoint);
  start(endpoint, Slot::kNext, false);
  return {};
}

Result<void> EndpointService::change(const Resource& endpoint,
                                     const std::vector<jobs::VariantChange>& changes) {
  Json before;
  const auto edit = [&](Resource& current) {
    if (current.status != "InService") return false;
    current.status = "Updating";
    before = current.document[kActive];
    for (Json& variant : current.document[kActive]["Variants"]) {
      for (const jobs::VariantChange& change : changes) {
        if (variant["VariantName"] == change.name) take_change(variant, change);
      }
    }
    return true;
  };
  EPICRISIS_ASSIGN_OR_RETURN(const bool begun,
                             resources_.update(kind::kEndpoint, endpoint.name, endpoint.created_us, edit));
  if (!begun) return in_progress(endpoint);
  const std::string name = endpoint.name;
  const Microseconds created_us = endpoint.created_us;
  supervisor_.change(name, changes, [this, name, created_us, before](const Result<void>& outcome) {
    loop_.post_blocking([this, name, created_us, before, outcome] {
      log_lost(resources_.update(kind::kEndpoint, name, created_us, [&](Resource& current) {
        if (current.status != "Updating") return false;
        current.status = "InService";
        current.document.erase("FailureReason");
        if (!outcome) {
          current.document[kActive] = before;
          set_reason(current, outcome.error().to_line());
        }
        return true;
      }));
    });
  });
  return {};
}

Result<void> EndpointService::remove(const Resource& endpoint) {
  const auto edit = [](Resource& current) {
    if (current.status == "Deleting") return false;
    current.status = "Deleting";
    return true;
  };
  EPICRISIS_ASSIGN_OR_RETURN(const bool begun,
                             resources_.update(kind::kEndpoint, endpoint.name, endpoint.created_us, edit));
  if (begun) finish_removal(endpoint.name, endpoint.created_us, endpoint.document.value("EndpointArn", ""));
  return {};
}

void EndpointService::finish_removal(const std::string& name, Microseconds created_us,
                                     const std::string& arn) {
  supervisor_.remove(name, [this, name, created_us, arn] {
    loop_.post_blocking([this, name, created_us, arn] {
      log_lost(resources_.remove(kind::kEndpoint, name, created_us, arn));
      log::info("endpoint.deleted", {{"endpoint", log::Word(name)}});
      if (auto freed = collect_artifacts(); !freed) log::warning("endpoint.artifacts_not_collected");
    });
  });
}

// --- from a document to workers --------------------------------------------------------------------------

void EndpointService::start(const Resource& endpoint, Slot slot, bool restart) {
  const std::string name = endpoint.name;
  const Microseconds created_us = endpoint.created_us;
  supervisor_.deploy(
      name, [this, name, created_us, slot] { return prepare(name, created_us, slot); },
      [this, name, created_us, slot](const Result<void>& outcome) {
        loop_.post_blocking(
            [this, name, created_us, slot, outcome] { settle(name, created_us, slot, outcome); });
      },
      restart);
}

Result<std::vector<jobs::VariantSpec>> EndpointService::prepare(const std::string& name,
                                                                Microseconds created_us, Slot slot) {
  const char* const member = slot == Slot::kActive ? kActive : kNext;
  EPICRISIS_ASSIGN_OR_RETURN(const std::optional<Resource> endpoint, resources_.find(kind::kEndpoint, name));
  if (!endpoint || endpoint->created_us != created_us || !endpoint->document.contains(member)) {
    return Error{ErrorCode::kCancelled, "The endpoint was deleted.", ""};
  }
  std::vector<jobs::VariantSpec> specs;
  std::vector<ArtifactCache::Pin> pins;
  Json deployment = endpoint->document.at(member);
  for (Json& variant : deployment["Variants"]) {
    std::string artifact = variant.value("Artifact", "");
    Result<jobs::VariantSpec> spec = prepare_variant(variant, pins, artifact);
    if (!spec) {
      return Error{spec.error().code,
                   fmt::format("Variant {}: {}", variant.value("VariantName", ""), spec.error().to_line()),
                   ""};
    }
    variant["Artifact"] = artifact;
    specs.push_back(std::move(*spec));
  }
  EPICRISIS_RETURN_IF_ERROR(resources_.update(kind::kEndpoint, name, created_us, [&](Resource& current) {
    const auto found = current.document.find(member);
    if (found == current.document.end()) return false;
    *found = deployment;
    return true;
  }));
  return specs;
}

Result<jobs::VariantSpec> EndpointService::prepare_variant(const Json& variant,
                                                           std::vector<ArtifactCache::Pin>& pins,
                                                           std::string& artifact) {
  const Json& container = variant.at("Container");
  const std::string url = container.value("ModelDataUrl", "");
  std::filesystem::path folder;
  if (!url.empty()) {
    // After a restart the folder is there, whatever became of the object.
    if (artifact.empty() || !artifacts_.has(artifact)) {
      EPICRISIS_ASSIGN_OR_RETURN(ArtifactCache::Pin pin, artifacts_.fetch(url));
      artifact = pin.key();
      pins.push_back(std::move(pin));
    }
    folder = artifacts_.path_of(artifact);
  }
  jobs::VariantSpec spec;
  spec.name = variant.at("VariantName").get<std::string>();
  spec.weight = variant.at("Weight").get<double>();
  spec.pool.instances = variant.at("InstanceCount").get<int>();
  spec.pool.idle_unload = settings_.idle_unload;
  EPICRISIS_ASSIGN_OR_RETURN(spec.pool.worker,
                             make_worker_spec(settings_.worker, container, folder, spec.pool.instances));
  spec.pool.worker.startup_timeout = std::chrono::seconds(variant.value("StartupTimeout", 480));
  return spec;
}

void EndpointService::settle(const std::string& name, Microseconds created_us, Slot slot,
                             const Result<void>& outcome) {
  if (!outcome && outcome.error().code == ErrorCode::kCancelled) return;  // its deletion goes on
  log_lost(resources_.update(kind::kEndpoint, name, created_us, [&](Resource& current) {
    if (current.status == "Deleting") return false;
    if (slot == Slot::kNext) {
      if (outcome) current.document[kActive] = current.document[kNext];
      current.document.erase(kNext);
    }
    current.status = outcome || slot == Slot::kNext ? "InService" : "Failed";
    current.document.erase("FailureReason");
    if (!outcome) set_reason(current, outcome.error().to_line());
    return true;
  }));
  log::info("endpoint.settled", {{"endpoint", log::Word(name)}, {"in_service", outcome.has_value()}});
  if (slot == Slot::kActive && outcome) {  // an update that a restart interrupted goes on
    const auto current = resources_.find(kind::kEndpoint, name);
    if (current && *current && (*current)->document.contains(kNext)) {
      const auto resume = [](Resource& endpoint) { return endpoint.status = "Updating", true; };
      log_lost(resources_.update(kind::kEndpoint, name, created_us, resume));
      return start(**current, Slot::kNext, false);
    }
  }
  if (slot == Slot::kNext || !outcome) {
    if (auto freed = collect_artifacts(); !freed) log::warning("endpoint.artifacts_not_collected");
  }
}

// --- restart ---------------------------------------------------------------------------------------------

Result<void> EndpointService::restore() {
  EPICRISIS_ASSIGN_OR_RETURN(const std::vector<Resource> endpoints, resources_.all(kind::kEndpoint));
  for (const Resource& endpoint : endpoints) restore_one(endpoint);
  EPICRISIS_RETURN_IF_ERROR(collect_artifacts());
  return {};
}

void EndpointService::restore_one(const Resource& endpoint) {
  if (endpoint.status == "Failed") return;
  if (endpoint.status == "Deleting") {
    return finish_removal(endpoint.name, endpoint.created_us, endpoint.document.value("EndpointArn", ""));
  }
  const bool served = endpoint.status != "Creating";
  if (served) {
    const auto edit = [](Resource& current) { return current.status = "SystemUpdating", true; };
    log_lost(resources_.update(kind::kEndpoint, endpoint.name, endpoint.created_us, edit));
  }
  start(endpoint, Slot::kActive, served);
}

Result<std::uint64_t> EndpointService::collect_artifacts() {
  EPICRISIS_ASSIGN_OR_RETURN(const std::vector<Resource> endpoints, resources_.all(kind::kEndpoint));
  EPICRISIS_ASSIGN_OR_RETURN(std::set<std::string> used, artifacts_of_transforms(resources_));
  for (const Resource& endpoint : endpoints) {
    if (endpoint.status == "Failed") continue;
    for (const char* member : {kActive, kNext}) {
      const auto deployment = endpoint.document.find(member);
      if (deployment == endpoint.document.end()) continue;
      for (const Json& variant : deployment->at("Variants")) used.insert(variant.value("Artifact", ""));
    }
  }
  return artifacts_.collect(used);
}

}  // namespace epicrisis::api
