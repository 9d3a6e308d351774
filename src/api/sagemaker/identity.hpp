#pragma once

#include <string>
#include <string_view>

namespace epicrisis::api {

/// For whom and where a call is made; resources are named after both.
struct AwsScope {
  std::string region = "us-east-1";
  std::string account = "000000000000";

  /// "arn:aws:sagemaker:<region>:<account>:<kind>/<name>".
  std::string arn(std::string_view kind, std::string_view name) const;
};

/// Kinds of resources, as ARNs spell them.
namespace kind {
inline constexpr std::string_view kModel = "model";
inline constexpr std::string_view kEndpointConfig = "endpoint-config";
inline constexpr std::string_view kEndpoint = "endpoint";
inline constexpr std::string_view kTrainingJob = "training-job";
inline constexpr std::string_view kTransformJob = "transform-job";
inline constexpr std::string_view kAsyncInvocation = "async-invocation";
}  // namespace kind

}  // namespace epicrisis::api
