#pragma once

#include <map>
#include <string>
#include <string_view>

#include "api/sagemaker/identity.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "storage/resources/resource_store.hpp"

namespace epicrisis::storage {
class ObjectStore;
}

namespace epicrisis::api {

class EndpointService;
class TrainingService;
class TransformService;

/// What the operations of the control plane work on.
struct ControlContext {
  storage::ResourceStore& resources;
  storage::ObjectStore& objects;
  EndpointService& endpoints;
  TrainingService& training;
  TransformService& transforms;
};

/// One call: its context, who made it and what was sent, a JSON object.
struct ControlCall {
  ControlContext& context;
  AwsScope scope;
  const Json& request;
};

/// An operation: the members of its answer; null for one without an answer.
using Operation = Result<Json> (*)(const ControlCall& call);

/// Tables of operations by name, one a kind of resource.
using Operations = std::map<std::string_view, Operation>;
Operations model_operations();
Operations endpoint_config_operations();
Operations endpoint_operations();
Operations tag_operations();
Operations training_job_operations();
Operations transform_job_operations();

/// The `Tags` of a create request; findings go to its reader.
class RequestReader;
std::map<std::string, std::string> read_tags(const RequestReader& reader);

/// The members of `from` that `names` lists.
Json members_of(const Json& from, std::initializer_list<std::string_view> names);

/// "Could not find model "<arn>".".
Error could_not_find(std::string_view what, const std::string& arn);
/// "Cannot create already existing model "<arn>".".
Error already_existing(std::string_view what, const std::string& arn);

/// The resource, or could_not_find().
Result<storage::Resource> find_resource(const ControlCall& call, std::string_view kind, std::string_view what,
                                        const std::string& name);

}  // namespace epicrisis::api
