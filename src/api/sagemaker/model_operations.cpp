#include <fmt/format.h>

#include <utility>

#include "api/sagemaker/artifact_cache.hpp"
#include "api/sagemaker/control_context.hpp"
#include "api/sagemaker/list_request.hpp"
#include "api/sagemaker/request_reader.hpp"
#include "storage/artifacts/object_store.hpp"

namespace epicrisis::api {
namespace {

using storage::Resource;

constexpr std::string_view kWhat = "model";

Error invalid(std::string message) { return {ErrorCode::kInvalidArgument, std::move(message), ""}; }

/// What one container may ask for; findings go to its reader. Returns where its model data lies.
Result<std::string> read_container(const RequestReader& container) {
  container.text("Image", {0, 255, R"([\S]+)", [](std::string_view text) {
                             return !text.empty() && text.find_first_of(" \t\r\n") == std::string_view::npos;
                           }});
  const std::string url = container.text("ModelDataUrl", kUriRule).value_or("");
  container.text_map("Environment", 1024);
  if (container.text("Mode").value_or("SingleModel") != "SingleModel") {
    return invalid("Mode must be SingleModel: containers of several models are not supported.");
  }
  for (const std::string_view member : {"ModelDataSource", "ModelPackageName", "MultiModelConfig"}) {
    if (container.has(member)) {
      return invalid(fmt::format("{} is not supported; name a model.tar.gz in ModelDataUrl.", member));
    }
  }
  return url;
}

Result<void> check_model_data(const ControlCall& call, const std::string& url) {
  const std::optional<S3Location> location = parse_s3_url(url);
  if (!location && url.starts_with("https://")) return {};
  if (location) {
    const auto found = call.context.objects.find(location->bucket, location->key);
    if (found && *found) return {};
    if (!found && found.error().code != ErrorCode::kNotFound) return found.error();
  }
  return invalid(fmt::format("Could not find model data at {}.", url));
}

Result<Json> create_model(const ControlCall& call) {
  const RequestReader reader(call.request);
  const std::string name = reader.required_text("ModelName", kNameRule);
  reader.required_text("ExecutionRoleArn", kRoleArnRule);
  const auto tags = read_tags(reader);
  const auto primary = reader.object("PrimaryContainer");
  const auto containers = reader.objects("Containers", 15);
  std::string url;
  if (primary || containers.size() == 1) {
    EPICRISIS_ASSIGN_OR_RETURN(url, read_container(primary ? *primary : containers.front()));
  }
  EPICRISIS_RETURN_IF_ERROR(reader.check());
  if (!primary && containers.empty()) {
    return invalid("You must provide either primary container or list of containers.");
  }
  if (primary && !containers.empty()) return invalid("Name PrimaryContainer or Containers, not both.");
  if (containers.size() > 1) return invalid("Inference pipelines of several containers are not supported.");
  if (!url.empty()) EPICRISIS_RETURN_IF_ERROR(check_model_data(call, url));

  Resource model{std::string(kind::kModel), name, "", 0, 0, call.request};
  model.document.erase("Tags");
  const std::string arn = call.scope.arn(kind::kModel, name);
  model.document["ModelArn"] = arn;
  const auto created = call.context.resources.create(std::move(model), tags, arn);
  if (!created && created.error().code == ErrorCode::kConflict) return already_existing(kWhat, arn);
  if (!created) return created.error();
  return Json{{"ModelArn", arn}};
}

Result<Json> describe_model(const ControlCall& call) {
  const RequestReader reader(call.request);
  const std::string name = reader.required_text("ModelName", kNameRule);
  EPICRISIS_RETURN_IF_ERROR(reader.check());
  EPICRISIS_ASSIGN_OR_RETURN(const Resource model, find_resource(call, kind::kModel, kWhat, name));
  Json answer =
      members_of(model.document, {"ModelName", "PrimaryContainer", "Containers", "InferenceExecutionConfig",
                                  "ExecutionRoleArn", "VpcConfig", "ModelArn", "EnableNetworkIsolation"});
  answer.emplace("EnableNetworkIsolation", false);
  answer["CreationTime"] = seconds_of(model.created_us);
  return answer;
}

Result<Json> delete_model(const ControlCall& call) {
  const RequestReader reader(call.request);
  const std::string name = reader.required_text("ModelName", kNameRule);
  EPICRISIS_RETURN_IF_ERROR(reader.check());
  EPICRISIS_ASSIGN_OR_RETURN(const Resource model, find_resource(call, kind::kModel, kWhat, name));
  const std::string arn = model.document.value("ModelArn", "");
  EPICRISIS_ASSIGN_OR_RETURN(const bool removed,
                             call.context.resources.remove(kind::kModel, name, model.created_us, arn));
  if (!removed) return could_not_find(kWhat, arn);
  return Json();
}

Json summary_of(const Resource& model) {
  return {{"ModelName", model.name},
          {"ModelArn", model.document.value("ModelArn", "")},
          {"CreationTime", seconds_of(model.created_us)}};
}

Result<Json> list_models(const ControlCall& call) {
  return list_resources(call.context.resources, {kind::kModel, "Models", {}, false, summary_of},
                        call.request);
}

}  // namespace

Operations model_operations() {
  return {{"CreateModel", create_model},
          {"DescribeModel", describe_model},
          {"DeleteModel", delete_model},
          {"ListModels", list_models}};
}

}  // namespace epicrisis::api
