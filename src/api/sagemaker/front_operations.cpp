#include "api/sagemaker/front_operations.hpp"

#include <fmt/format.h>

#include <string>
#include <utility>

#include "api/aws/front.hpp"
#include "api/sagemaker/control_plane.hpp"
#include "api/sagemaker/request_reader.hpp"
#include "api/sagemaker/sagemaker_service.hpp"

namespace epicrisis::api {
namespace {

bool only_looks(const std::string& operation) {
  return operation.starts_with("Describe") || operation.starts_with("List");
}

/// The ARN that an answer names, for the audit log.
std::string arn_in(const Json& answer) {
  if (!answer.is_object()) return {};
  for (const auto& [member, value] : answer.items()) {
    if (member.ends_with("Arn") && value.is_string() &&
        value.get_ref<const std::string&>().starts_with("arn:aws:sagemaker:")) {
      return value.get<std::string>();
    }
  }
  return {};
}

aws::JsonReply run(const SageMakerService& service, const std::string& operation, const Json& input,
                   aws::Call& call) {
  const Result<Json> answer = service.run(operation, input, {call.region, call.account_id});
  if (!answer) {
    const ControlFault fault = control_fault(answer.error());
    return aws::Fault{fault.status, std::string(fault.type), fault.message};
  }
  call.resource = arn_in(*answer);
  return *answer;
}

/// Not of the public service: what `epicrisis cleanup` asks a running server.
aws::JsonReply clean_up(SageMakerService& service, const Json& input) {
  const RequestReader reader(input);
  const auto seconds = reader.integer("OlderThanSeconds", 0, 1'000'000'000'000);
  const bool dry_run = reader.flag("DryRun").value_or(true);
  Result<void> checked = reader.check();
  Result<Json> answer = checked ? service.clean_up(std::chrono::seconds(seconds.value_or(0)), dry_run)
                                : Result<Json>(checked.error());
  if (answer) return std::move(*answer);
  const ControlFault fault = control_fault(answer.error());
  return aws::Fault{fault.status, std::string(fault.type), fault.message};
}

}  // namespace

void add_sagemaker_operations(aws::Front& front, SageMakerService& service) {
  for (const std::string& operation : service.operations()) {
    front.add_json(aws::Service::kSageMaker, "SageMaker." + operation,
                   only_looks(operation) ? aws::Access::kRead : aws::Access::kWrite,
                   [&service, operation](const Json& input, aws::Call& call) {
                     return run(service, operation, input, call);
                   });
  }
  front.add_json(aws::Service::kSageMaker, "Epicrisis.CleanUp", aws::Access::kWrite,
                 [&service](const Json& input, aws::Call&) { return clean_up(service, input); });
  front.set_runtime([&service](const aws::SharedCall& call, const std::string& endpoint,
                               const std::string& action, server::Request request, std::stop_token stop,
                               const server::Responder& responder) {
    if (is_resource_name(endpoint)) call->resource = call->sagemaker_arn(kind::kEndpoint, endpoint);
    const auto path = parse_runtime_path(fmt::format("/endpoints/{}/{}", endpoint, action));
    if (!path)
      return responder.send(runtime_error(404, "ValidationError", "There is no such action of an endpoint."));
    service.runtime(*path, std::move(request), std::move(stop), responder, {call->region, call->account_id});
  });
}

}  // namespace epicrisis::api
