#include "api/aws/call.hpp"

#include <fmt/format.h>

#include "api/aws/xml.hpp"

namespace epicrisis::api::aws {

using server::Response;

bool is_allowed(storage::Role role, Access access) noexcept {
  switch (role) {
    case storage::Role::kAdmin:
    case storage::Role::kEngineer:
      return true;
    case storage::Role::kClinician:
      return access == Access::kIdentity || access == Access::kInvoke;
    case storage::Role::kAuditor:
      return access == Access::kIdentity || access == Access::kRead;
  }
  return false;
}

std::string_view scope_name(Service service) noexcept {
  switch (service) {
    case Service::kS3:
      return "s3";
    case Service::kSageMaker:
    case Service::kRuntime:
      return "sagemaker";
    case Service::kLogs:
      return "logs";
    case Service::kSts:
      return "sts";
    case Service::kIam:
      return "iam";
  }
  return "";
}

std::string Call::sagemaker_arn(std::string_view kind, std::string_view name) const {
  return fmt::format("arn:aws:sagemaker:{}:{}:{}/{}", region, account_id, kind, name);
}

Fault fault_of(const Error& error) {
  switch (error.code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kCorrupt:
    case ErrorCode::kUnsupported:
    case ErrorCode::kNotFound:
    case ErrorCode::kConflict:
      return {400, "ValidationException", error.public_message};
    case ErrorCode::kPermissionDenied:
      return {400, "AccessDeniedException", error.public_message};
    case ErrorCode::kUnavailable:
    case ErrorCode::kResourceExhausted:
    case ErrorCode::kCancelled:
    case ErrorCode::kDeadlineExceeded:
      return {503, "ServiceUnavailable", error.public_message};
    case ErrorCode::kInternal:
      break;
  }
  return {500, "InternalFailure", "The request failed inside the server."};
}

Response json_response(const Json& body) {
  std::string text = body.is_null() ? "" : body.dump(-1, ' ', false, Json::error_handler_t::replace);
  return {200, "application/x-amz-json-1.1", {}, ClinicalText(std::move(text))};
}

Response fault_response(Call& call, const Fault& fault, std::string_view resource) {
  call.error_code = fault.code;
  Response response{fault.status, "", {}, {}};
  switch (call.protocol) {
    case Protocol::kJson:
      response.content_type = "application/x-amz-json-1.1";
      response.body = ClinicalText(Json{{"__type", fault.code}, {"message", fault.message}}.dump());
      break;
    case Protocol::kRuntime:
      response.content_type = "application/json";
      if (!fault.code.empty()) response.headers.add("x-amzn-ErrorType", fault.code);
      response.body = ClinicalText(Json{{"Message", fault.message}}.dump());
      break;
    case Protocol::kQuery: {
      XmlWriter xml("ErrorResponse");
      XmlElement error = xml.root().child("Error");
      error.text("Type", fault.status < 500 ? "Sender" : "Receiver");
      error.text("Code", fault.code);
      error.text("Message", fault.message);
      xml.root().text("RequestId", call.request_id);
      response.content_type = "text/xml";
      response.body = ClinicalText(xml.str());
      break;
    }
    case Protocol::kS3: {
      XmlWriter xml("Error");
      xml.root().text("Code", fault.code);
      xml.root().text("Message", fault.message);
      xml.root().text("Resource", resource);
      xml.root().text("RequestId", call.request_id);
      response.content_type = "application/xml";
      response.body = ClinicalText(xml.str());
      break;
    }
  }
  return response;
}

}  // namespace epicrisis::api::aws
