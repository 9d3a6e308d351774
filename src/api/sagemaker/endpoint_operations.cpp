#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "api/sagemaker/control_context.hpp"
#include "api/sagemaker/endpoint_service.hpp"
#include "api/sagemaker/list_request.hpp"
#include "api/sagemaker/request_reader.hpp"

namespace epicrisis::api {
namespace {

using storage::Resource;

constexpr std::string_view kWhat = "endpoint";
constexpr std::string_view kConfigWhat = "endpoint configuration";

Result<Resource> named_endpoint(const ControlCall& call, const RequestReader& reader) {
  const std::string name = reader.required_text("EndpointName", kNameRule);
  EPICRISIS_RETURN_IF_ERROR(reader.check());
  return find_resource(call, kind::kEndpoint, kWhat, name);
}

std::string arn_of(const Resource& endpoint) { return endpoint.document.value("EndpointArn", ""); }

Result<Json> create_endpoint(const ControlCall& call) {
  const RequestReader reader(call.request);
  const std::string name = reader.required_text("EndpointName", kNameRule);
  const std::string config_name = reader.required_text("EndpointConfigName", kNameRule);
  const auto tags = read_tags(reader);
  EPICRISIS_RETURN_IF_ERROR(reader.check());
  const std::string arn = call.scope.arn(kind::kEndpoint, name);
  EPICRISIS_ASSIGN_OR_RETURN(const auto existing, call.context.resources.find(kind::kEndpoint, name));
  if (existing) return already_existing(kWhat, arn);
  EPICRISIS_ASSIGN_OR_RETURN(const Resource config,
                             find_resource(call, kind::kEndpointConfig, kConfigWhat, config_name));
  EPICRISIS_ASSIGN_OR_RETURN(Json deployment, call.context.endpoints.resolve(config.document, call.scope));
  const Result<void> created = call.context.endpoints.create(name, std::move(deployment), tags, arn);
  if (!created && created.error().code == ErrorCode::kConflict) return already_existing(kWhat, arn);
  if (!created) return created.error();
  return Json{{"EndpointArn", arn}};
}

Json describe_variant(const Json& variant, const std::vector<jobs::VariantState>& states, double time) {
  Json described = {{"VariantName", variant.at("VariantName")},
                    {"CurrentWeight", 0.0},
                    {"DesiredWeight", variant.at("Weight")},
                    {"CurrentInstanceCount", 0},
                    {"DesiredInstanceCount", variant.at("InstanceCount")}};
  const Json& container = variant.at("Container");
  if (const auto image = container.find("Image"); image != container.end()) {
    described["DeployedImages"] = {
        {{"SpecifiedImage", *image}, {"ResolvedImage", *image}, {"ResolutionTime", time}}};
  }
  for (const jobs::VariantState& state : states) {
    if (described["VariantName"] != state.name) continue;
    described["CurrentWeight"] = state.weight;
    // Unloaded workers are woken by the next request: they count.
    described["CurrentInstanceCount"] = state.unloaded ? state.wanted_instances : state.ready_instances;
  }
  return described;
}

Result<Json> describe_endpoint(const ControlCall& call) {
  const RequestReader reader(call.request);
  EPICRISIS_ASSIGN_OR_RETURN(const Resource endpoint, named_endpoint(call, reader));
  const Json& active = endpoint.document.at("Active");
  const double created = seconds_of(endpoint.created_us);
  Json answer = {{"EndpointName", endpoint.name},
                 {"EndpointArn", arn_of(endpoint)},
                 {"EndpointConfigName", active.at("EndpointConfigName")},
                 {"EndpointStatus", endpoint.status},
                 {"CreationTime", created},
                 {"LastModifiedTime", seconds_of(endpoint.modified_us)}};
  if (endpoint.document.contains("FailureReason"))
    answer["FailureReason"] = endpoint.document["FailureReason"];
  if (active.contains("AsyncInferenceConfig"))
    answer["AsyncInferenceConfig"] = active["AsyncInferenceConfig"];
  const std::vector<jobs::VariantState> states = call.context.endpoints.variants(endpoint.name);
  Json variants = Json::array();
  for (const Json& variant : active.at("Variants"))
    variants.push_back(describe_variant(variant, states, created));
  answer["ProductionVariants"] = std::move(variants);
  return answer;
}

/// With RetainAllVariantProperties weights and numbers of workers stay as they are.
void retain_properties(Json& deployment, const Json& active) {
  for (Json& variant : deployment["Variants"]) {
    for (const Json& before : active.at("Variants")) {
      if (before["VariantName"] != variant["VariantName"]) continue;
      variant["Weight"] = before["Weight"];
      variant["InstanceCount"] = before["InstanceCount"];
    }
  }
}

Result<Json> update_endpoint(const ControlCall& call) {
  const RequestReader reader(call.request);
  const std::string config_name = reader.required_text("EndpointConfigName", kNameRule);
  const bool retain = reader.flag("RetainAllVariantProperties").value_or(false);
  EPICRISIS_ASSIGN_OR_RETURN(const Resource endpoint, named_endpoint(call, reader));
  EPICRISIS_ASSIGN_OR_RETURN(const Resource config,
                             find_resource(call, kind::kEndpointConfig, kConfigWhat, config_name));
  EPICRISIS_ASSIGN_OR_RETURN(Json deployment, call.context.endpoints.resolve(config.document, call.scope));
  if (retain) retain_properties(deployment, endpoint.document.at("Active"));
  EPICRISIS_RETURN_IF_ERROR(call.context.endpoints.update(endpoint, std::move(deployment)));
  return Json{{"EndpointArn", arn_of(endpoint)}};
}

Result<Json> update_weights(const ControlCall& call) {
  const RequestReader reader(call.request);
  std::vector<jobs::VariantChange> changes;
  for (const RequestReader& item : reader.required_objects("DesiredWeightsAndCapacities", 10)) {
    jobs::VariantChange change;
    change.name = item.required_text("VariantName", kNameRule);
    change.weight = item.number("DesiredWeight", 0);
    if (const auto count = item.integer("DesiredInstanceCount", 0, 64))
      change.instances = static_cast<int>(*count);
    changes.push_back(std::move(change));
  }
  EPICRISIS_ASSIGN_OR_RETURN(const Resource endpoint, named_endpoint(call, reader));
  const Json& variants = endpoint.document.at("Active").at("Variants");
  for (const jobs::VariantChange& change : changes) {
    const bool known = std::any_of(variants.begin(), variants.end(), [&](const Json& variant) {
      return variant["VariantName"] == change.name;
    });
    if (!known) {
      return Error{
          ErrorCode::kInvalidArgument,
          fmt::format("The variant name(s) \"{}\" is/are not present within endpoint configuration \"{}\".",
                      change.name, arn_of(endpoint)),
          ""};
    }
  }
  EPICRISIS_RETURN_IF_ERROR(call.context.endpoints.change(endpoint, changes));
  return Json{{"EndpointArn", arn_of(endpoint)}};
}

Result<Json> delete_endpoint(const ControlCall& call) {
  const RequestReader reader(call.request);
  EPICRISIS_ASSIGN_OR_RETURN(const Resource endpoint, named_endpoint(call, reader));
  EPICRISIS_RETURN_IF_ERROR(call.context.endpoints.remove(endpoint));
  return Json();
}

Json summary_of(const Resource& endpoint) {
  return {{"EndpointName", endpoint.name},
          {"EndpointArn", arn_of(endpoint)},
          {"CreationTime", seconds_of(endpoint.created_us)},
          {"LastModifiedTime", seconds_of(endpoint.modified_us)},
          {"EndpointStatus", endpoint.status}};
}

Result<Json> list_endpoints(const ControlCall& call) {
  const ListForm form = {kind::kEndpoint,
                         "Endpoints",
                         {"OutOfService", "Creating", "Updating", "SystemUpdating", "RollingBack",
                          "InService", "Deleting", "Failed"},
                         false,
                         summary_of};
  return list_resources(call.context.resources, form, call.request);
}

}  // namespace

Operations endpoint_operations() {
  return {{"CreateEndpoint", create_endpoint}, {"DescribeEndpoint", describe_endpoint},
          {"UpdateEndpoint", update_endpoint}, {"UpdateEndpointWeightsAndCapacities", update_weights},
          {"DeleteEndpoint", delete_endpoint}, {"ListEndpoints", list_endpoints}};
}

}  // namespace epicrisis::api
