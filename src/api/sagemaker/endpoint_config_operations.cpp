#include <fmt/format.h>

#include <set>
#include <utility>

#include "api/sagemaker/control_context.hpp"
#include "api/sagemaker/list_request.hpp"
#include "api/sagemaker/request_reader.hpp"

namespace epicrisis::api {
namespace {

using storage::Resource;

constexpr std::string_view kWhat = "endpoint configuration";

Error invalid(std::string message) { return {ErrorCode::kInvalidArgument, std::move(message), ""}; }

/// Checks one variant; findings go to its reader. Returns its name.
std::string read_variant(const RequestReader& variant) {
  const std::string name = variant.required_text("VariantName", kNameRule);
  variant.required_text("ModelName", kNameRule);
  variant.required_integer("InitialInstanceCount", 1, 1'000'000);
  variant.required_text("InstanceType", {1, 128});
  variant.number("InitialVariantWeight", 0);
  variant.integer("ContainerStartupHealthCheckTimeoutInSeconds", 60, 3600);
  variant.integer("ModelDataDownloadTimeoutInSeconds", 60, 3600);
  return name;
}

Result<void> check_supported(const RequestReader& reader, const std::vector<RequestReader>& variants) {
  for (const RequestReader& variant : variants) {
    if (variant.has("ServerlessConfig")) {
      return invalid("ServerlessConfig is not supported; give InstanceType and InitialInstanceCount.");
    }
  }
  if (reader.has("ShadowProductionVariants")) return invalid("ShadowProductionVariants are not supported.");
  if (reader.has("ExplainerConfig")) return invalid("ExplainerConfig is not supported.");
  const auto capture = reader.object("DataCaptureConfig");
  if (capture && capture->flag("EnableCapture").value_or(false)) {
    return invalid("DataCaptureConfig.EnableCapture is not supported: requests are never stored.");
  }
  return {};
}

Result<void> check_models(const ControlCall& call, const std::vector<RequestReader>& variants) {
  std::set<std::string> names;
  for (const RequestReader& variant : variants) {
    const Json& json = variant.json();
    if (!names.insert(json.at("VariantName").get<std::string>()).second) {
      return invalid("Each ProductionVariant must have a VariantName of its own.");
    }
    EPICRISIS_RETURN_IF_ERROR(
        find_resource(call, kind::kModel, "model", json.at("ModelName").get<std::string>()));
  }
  return {};
}

Result<Json> create_endpoint_config(const ControlCall& call) {
  const RequestReader reader(call.request);
  const std::string name = reader.required_text("EndpointConfigName", kNameRule);
  const auto variants = reader.required_objects("ProductionVariants", 10);
  EPICRISIS_RETURN_IF_ERROR(check_supported(reader, variants));
  for (const RequestReader& variant : variants) read_variant(variant);
  if (const auto async = reader.object("AsyncInferenceConfig")) {
    const RequestReader output = async->required_object("OutputConfig");
    output.text("S3OutputPath", kUriRule);
    output.text("S3FailurePath", kUriRule);
  }
  const auto tags = read_tags(reader);
  EPICRISIS_RETURN_IF_ERROR(reader.check());
  EPICRISIS_RETURN_IF_ERROR(check_models(call, variants));

  const std::string arn = call.scope.arn(kind::kEndpointConfig, name);
  Resource config{std::string(kind::kEndpointConfig), name, "", 0, 0, call.request};
  config.document.erase("Tags");
  config.document["EndpointConfigArn"] = arn;
  for (Json& variant : config.document["ProductionVariants"]) variant.emplace("InitialVariantWeight", 1.0);
  const auto created = call.context.resources.create(std::move(config), tags, arn);
  if (!created && created.error().code == ErrorCode::kConflict) return already_existing(kWhat, arn);
  if (!created) return created.error();
  return Json{{"EndpointConfigArn", arn}};
}

Result<Json> describe_endpoint_config(const ControlCall& call) {
  const RequestReader reader(call.request);
  const std::string name = reader.required_text("EndpointConfigName", kNameRule);
  EPICRISIS_RETURN_IF_ERROR(reader.check());
  EPICRISIS_ASSIGN_OR_RETURN(const Resource config, find_resource(call, kind::kEndpointConfig, kWhat, name));
  Json answer = members_of(config.document, {"EndpointConfigName", "EndpointConfigArn", "ProductionVariants",
                                             "DataCaptureConfig", "KmsKeyId", "AsyncInferenceConfig",
                                             "ExecutionRoleArn", "VpcConfig", "EnableNetworkIsolation"});
  answer["CreationTime"] = seconds_of(config.created_us);
  return answer;
}

Result<Json> delete_endpoint_config(const ControlCall& call) {
  const RequestReader reader(call.request);
  const std::string name = reader.required_text("EndpointConfigName", kNameRule);
  EPICRISIS_RETURN_IF_ERROR(reader.check());
  EPICRISIS_ASSIGN_OR_RETURN(const Resource config, find_resource(call, kind::kEndpointConfig, kWhat, name));
  const std::string arn = config.document.value("EndpointConfigArn", "");
  EPICRISIS_ASSIGN_OR_RETURN(
      const bool removed, call.context.resources.remove(kind::kEndpointConfig, name, config.created_us, arn));
  if (!removed) return could_not_find(kWhat, arn);
  return Json();
}

Json summary_of(const Resource& config) {
  return {{"EndpointConfigName", config.name},
          {"EndpointConfigArn", config.document.value("EndpointConfigArn", "")},
          {"CreationTime", seconds_of(config.created_us)}};
}

Result<Json> list_endpoint_configs(const ControlCall& call) {
  return list_resources(call.context.resources,
                        {kind::kEndpointConfig, "EndpointConfigs", {}, false, summary_of}, call.request);
}

}  // namespace

Operations endpoint_config_operations() {
  return {{"CreateEndpointConfig", create_endpoint_config},
          {"DescribeEndpointConfig", describe_endpoint_config},
          {"DeleteEndpointConfig", delete_endpoint_config},
          {"ListEndpointConfigs", list_endpoint_configs}};
}

}  // namespace epicrisis::api
