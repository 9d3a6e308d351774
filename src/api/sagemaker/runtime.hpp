#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "api/sagemaker/identity.hpp"
#include "jobs/endpoint_supervisor.hpp"
#include "server/handler.hpp"

namespace epicrisis::api {

class AsyncInvocations;

/// An endpoint's path, taken apart.
struct RuntimePath {
  enum class Action { kInvoke, kInvokeStream, kInvokeAsync };
  std::string endpoint;
  Action action;
};
/// "/endpoints/<name>/invocations", "…/invocations-response-stream" or "…/async-invocations"; nothing for
/// another.
std::optional<RuntimePath> parse_runtime_path(std::string_view path);

/// Bodies up to this are taken; one byte more is 413.
inline constexpr std::uint64_t kMaxInvocationBytes = 6'291'456;

/// SageMaker Runtime: passes requests on to the workers of endpoints. Thread-safe; calls do not block.
class Runtime {
 public:
  /// Both outlive the runtime.
  Runtime(jobs::EndpointSupervisor& supervisor, AsyncInvocations& async)
      : supervisor_(supervisor), async_(async) {}

  /// Answers one request whose path was `path`.
  void handle(const RuntimePath& path, server::Request request, std::stop_token stop,
              const server::Responder& responder, const AwsScope& scope);

 private:
  void invoke(const std::string& endpoint, std::shared_ptr<jobs::WorkerRequest> request, std::string variant,
              std::stop_token stop, const server::Responder& responder, const AwsScope& scope);
  void invoke_stream(const std::string& endpoint, std::shared_ptr<jobs::WorkerRequest> request,
                     std::string variant, std::stop_token stop, const server::Responder& responder,
                     const AwsScope& scope);

  jobs::EndpointSupervisor& supervisor_;
  AsyncInvocations& async_;
};

/// An error of the runtime: {"Message": …} and x-amzn-ErrorType; `type` empty: none is sent.
server::Response runtime_error(int status, std::string_view type, std::string_view message);
/// The answer for a refusal that the HTTP server makes itself (413, 504 …).
server::Response runtime_refusal(int status, std::string_view message);
/// What a caller is told when its request did not reach a variant.
server::Response runtime_refusal(jobs::EndpointSupervisor::Refusal refusal, const std::string& endpoint,
                                 const AwsScope& scope);
/// The answer for a worker's failure, or for its answer of status 400 or more.
server::Response model_error(const jobs::VariantReply& answer, const std::string& endpoint,
                             const AwsScope& scope);

}  // namespace epicrisis::api
