#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/sagemaker/control_context.hpp"
#include "server/http.hpp"

namespace epicrisis::api {

/// An Error as the service words it.
struct ControlFault {
  int status = 400;
  std::string_view type;  ///< "ValidationException".
  std::string message;
};
ControlFault control_fault(const Error& error);

/// SageMaker's control plane over AWS JSON 1.1: one operation a call, named by the X-Amz-Target header behind
/// "SageMaker.". Thread-safe; calls block on the disk.
class ControlPlane {
 public:
  explicit ControlPlane(ControlContext context);
  /// `body` is the request's JSON; none counts as {}.
  server::Response call(std::string_view operation, std::string_view body, const AwsScope& scope) const;
  /// The same with a request that is read already; null for no answer.
  Result<Json> run(std::string_view operation, const Json& request, const AwsScope& scope) const;
  /// The names of all operations.
  std::vector<std::string> operations() const;

 private:
  Result<Json> read_and_run(std::string_view operation, std::string_view body, const AwsScope& scope) const;
  mutable ControlContext context_;
  Operations operations_;
};

/// {"__type": "…", "message": "…"} for an Error of the control plane.
server::Response json_error(const Error& error);

}  // namespace epicrisis::api
