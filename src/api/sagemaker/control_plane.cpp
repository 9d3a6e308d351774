#include "api/sagemaker/control_plane.hpp"

#include <utility>

#include "base/log.hpp"

namespace epicrisis::api {
namespace {

constexpr std::string_view kContentType = "application/x-amz-json-1.1";
constexpr std::string_view kUnknownOperation = "UnknownOperationException";

/// What the service calls an error, and the status that goes with it.
std::pair<std::string_view, int> type_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kNotFound:
      return {"ValidationException", 400};
    case ErrorCode::kCorrupt:
      return {"SerializationException", 400};
    case ErrorCode::kUnsupported:
      return {kUnknownOperation, 400};
    case ErrorCode::kConflict:
      return {"ResourceInUse", 400};
    case ErrorCode::kPermissionDenied:
      return {"AccessDeniedException", 400};
    case ErrorCode::kResourceExhausted:
      return {"ResourceLimitExceeded", 400};
    case ErrorCode::kUnavailable:
    case ErrorCode::kCancelled:
    case ErrorCode::kDeadlineExceeded:
      return {"ServiceUnavailable", 503};
    case ErrorCode::kInternal:
      return {"InternalFailure", 500};
  }
  return {"InternalFailure", 500};
}

}  // namespace

ControlFault control_fault(const Error& error) {
  const auto [type, status] = type_of(error.code);
  if (status < 500) return {status, type, error.public_message};
  log::error("sagemaker.call_failed", {{"code", log::Word(to_string(error.code))}});
  return {status, type, "The request failed inside the server."};
}

server::Response json_error(const Error& error) {
  const ControlFault fault = control_fault(error);
  const Json body = {{"__type", fault.type}, {"message", fault.message}};
  return {fault.status,
          std::string(kContentType),
          {},
          ClinicalText(body.dump(-1, ' ', false, Json::error_handler_t::replace))};
}

ControlPlane::ControlPlane(ControlContext context) : context_(std::move(context)) {
  for (Operations table : {model_operations(), endpoint_config_operations(), endpoint_operations(),
                           tag_operations(), training_job_operations(), transform_job_operations()}) {
    operations_.merge(table);
  }
}

std::vector<std::string> ControlPlane::operations() const {
  std::vector<std::string> names;
  for (const auto& [name, operation] : operations_) names.emplace_back(name);
  return names;
}

Result<Json> ControlPlane::run(std::string_view operation, const Json& request, const AwsScope& scope) const {
  const auto found = operations_.find(operation);
  if (found == operations_.end()) {
    return Error{ErrorCode::kUnsupported, "The operation is not known or not supported here.", ""};
  }
  if (!request.is_object()) return Error{ErrorCode::kCorrupt, "The request body must be a JSON object.", ""};
  return found->second({context_, scope, request});
}

Result<Json> ControlPlane::read_and_run(std::string_view operation, std::string_view body,
                                        const AwsScope& scope) const {
  if (body.empty()) return run(operation, Json::object(), scope);
  EPICRISIS_ASSIGN_OR_RETURN(const Json request, parse_json(body, "The request body"));
  return run(operation, request, scope);
}

server::Response ControlPlane::call(std::string_view operation, std::string_view body,
                                    const AwsScope& scope) const {
  try {
    const Result<Json> answer = read_and_run(operation, body, scope);
    if (!answer) return json_error(answer.error());
    if (answer->is_null()) return {200, std::string(kContentType), {}, {}};
    return {200,
            std::string(kContentType),
            {},
            ClinicalText(answer->dump(-1, ' ', false, Json::error_handler_t::replace))};
  } catch (...) {  // the boundary of a request; what() may quote what was sent
    log::error("sagemaker.call_failed", {{"operation", log::Word(operation)}});
    return json_error({ErrorCode::kInternal, "", ""});
  }
}

}  // namespace epicrisis::api
