#include "api/sagemaker/runtime.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "api/sagemaker/async_invocations.hpp"
#include "api/sagemaker/event_stream.hpp"
#include "api/sagemaker/request_reader.hpp"
#include "base/json.hpp"
#include "server/pushed_body.hpp"

namespace epicrisis::api {
namespace {

using jobs::VariantReply;
using jobs::WorkerReply;
using server::Responder;
using server::Response;
using Refusal = jobs::EndpointSupervisor::Refusal;

constexpr std::chrono::seconds kInvocationTimeout{60};
constexpr std::size_t kMaxAttributes = 1024;
constexpr std::string_view kJson = "application/json";
constexpr std::string_view kAttributes = "X-Amzn-SageMaker-Custom-Attributes";
constexpr std::string_view kTargetVariant = "X-Amzn-SageMaker-Target-Variant";
constexpr std::string_view kInvokedVariant = "x-Amzn-Invoked-Production-Variant";

std::string to_utf8(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

/// What the service calls a container's fault.
std::string fault_name(int status) {
  return fmt::format("{} error ({})", status >= 400 && status < 500 ? "client" : "server", status);
}

struct Fault {
  int status;
  std::string message;
};

Fault fault_of(const Result<WorkerReply>& reply) {
  if (reply) return {reply->status, reply->body.reveal()};
  if (reply.error().code == ErrorCode::kDeadlineExceeded) {
    return {0, "Your invocation timed out while waiting for a response from the container."};
  }
  return {500, "The model's process ended before it answered."};
}

bool is_overload(const Result<WorkerReply>& reply) {
  return reply && (reply->status == 429 || reply->status == 503);
}

Response whole_answer(VariantReply& answer) {
  Response response;
  response.content_type = std::string(answer.reply->find("Content-Type").value_or(kJson));
  response.headers.add(std::string(kInvokedVariant), answer.variant);
  if (const auto attributes = answer.reply->find(kAttributes)) {
    response.headers.add(std::string(kAttributes), std::string(*attributes));
  }
  response.body = std::move(answer.reply->body);
  return response;
}

/// The request as the worker gets it: the caller's credentials stay here.
std::shared_ptr<jobs::WorkerRequest> worker_request(server::Request& request, std::string_view accept_field) {
  auto passed = std::make_shared<jobs::WorkerRequest>();
  passed->fields.emplace_back("Content-Type",
                              std::string(request.headers.find("Content-Type").value_or(kJson)));
  if (const auto accept = request.headers.joined(accept_field))
    passed->fields.emplace_back("Accept", *accept);
  if (const auto attributes = request.headers.find(kAttributes)) {
    passed->fields.emplace_back(std::string(kAttributes), std::string(*attributes));
  }
  passed->body = std::move(request.body);
  return passed;
}

/// One streamed answer: its head is sent with the first part.
class StreamedAnswer {
 public:
  explicit StreamedAnswer(Responder responder) : responder_(std::move(responder)) {}

  bool take(const std::string& variant, const WorkerReply& head, std::string_view part) {
    if (head.status >= 400) {
      refused_ += part;
      return refused_.size() <= kMaxInvocationBytes;
    }
    if (!begun_) begin(variant, head);
    const auto body = body_.lock();  // the connection owns it; it is gone when the client is
    return body && body->push(payload_part(part));
  }

  void end(Refusal refusal, VariantReply answer, const std::string& endpoint, const AwsScope& scope) {
    if (!begun_) {
      if (refusal != Refusal::kNone) return responder_.send(runtime_refusal(refusal, endpoint, scope));
      if (answer.reply && answer.reply->status >= 400) answer.reply->body = ClinicalText(std::move(refused_));
      if (!answer.reply || answer.reply->status >= 400) {
        return responder_.send(model_error(answer, endpoint, scope));
      }
      begin(answer.variant, *answer.reply);
    }
    const auto body = body_.lock();
    if (!body) return;
    if (!answer.reply) {
      const bool late = answer.reply.error().code == ErrorCode::kDeadlineExceeded;
      body->push(model_stream_error(late ? "ModelInvocationTimeExceeded" : "StreamBroken",
                                    late ? "The model took too long." : "The model's stream broke off."));
    }
    body->finish();
  }

 private:
  void begin(const std::string& variant, const WorkerReply& head) {
    begun_ = true;
    auto body = std::make_shared<server::PushedBody>();
    body_ = body;
    Response response;
    response.content_type = "application/vnd.amazon.eventstream";
    response.headers.add("X-Amzn-SageMaker-Content-Type",
                         std::string(head.find("Content-Type").value_or(kJson)));
    response.headers.add(std::string(kInvokedVariant), variant);
    if (const auto attributes = head.find(kAttributes)) {
      response.headers.add(std::string(kAttributes), std::string(*attributes));
    }
    response.stream = std::move(body);
    responder_.send(std::move(response));
  }

  Responder responder_;
  std::weak_ptr<server::PushedBody> body_;
  std::string refused_;
  bool begun_ = false;
};

/// Refuses a request for its headers; nothing when they are good.
std::optional<Response> check_headers(const server::Request& request) {
  const std::string_view attributes = request.headers.find(kAttributes).value_or("");
  if (attributes.size() > kMaxAttributes || !is_ascii(attributes)) {
    return runtime_error(400, "ValidationError",
                         "CustomAttributes must be ASCII of at most 1024 characters.");
  }
  if (const auto variant = request.headers.find(kTargetVariant); variant && !is_resource_name(*variant)) {
    return runtime_error(400, "ValidationError", "TargetVariant is no name of a variant.");
  }
  return std::nullopt;
}

}  // namespace

std::optional<RuntimePath> parse_runtime_path(std::string_view path) {
  constexpr std::string_view kPrefix = "/endpoints/";
  if (!path.starts_with(kPrefix)) return std::nullopt;
  path.remove_prefix(kPrefix.size());
  const std::size_t slash = path.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const std::string_view action = path.substr(slash + 1);
  RuntimePath parsed{std::string(path.substr(0, slash)), RuntimePath::Action::kInvoke};
  if (action == "invocations") return parsed;
  parsed.action = RuntimePath::Action::kInvokeStream;
  if (action == "invocations-response-stream") return parsed;
  parsed.action = RuntimePath::Action::kInvokeAsync;
  if (action == "async-invocations") return parsed;
  return std::nullopt;
}

Response runtime_error(int status, std::string_view type, std::string_view message) {
  Response response;
  response.status = status;
  response.content_type = kJson;
  if (!type.empty()) response.headers.add("x-amzn-ErrorType", std::string(type));
  response.body = ClinicalText(to_utf8({{"Message", std::string(message)}}));
  return response;
}

Response runtime_refusal(int status, std::string_view message) {
  switch (status) {
    case 413:
      return runtime_error(413, "",
                           fmt::format("HTTP content length exceeded {} bytes.", kMaxInvocationBytes));
    case 503:
      return runtime_error(503, "ServiceUnavailable", message);
    case 500:
    case 504:
      return runtime_error(500, "InternalFailure", message);
    default:
      return runtime_error(status, "ValidationError", message);
  }
}

Response runtime_refusal(Refusal refusal, const std::string& endpoint, const AwsScope& scope) {
  switch (refusal) {
    case Refusal::kNotServing:
      return runtime_error(429, "ModelNotReadyException",
                           fmt::format("Endpoint {} is not ready yet.", endpoint));
    case Refusal::kUnknownVariant:
      return runtime_error(400, "ValidationError",
                           fmt::format("The target variant was not found in endpoint {}.", endpoint));
    case Refusal::kUnknownEndpoint:
    case Refusal::kNone:
      break;
  }
  return runtime_error(400, "ValidationError",
                       fmt::format("Endpoint {} of account {} not found.", endpoint, scope.account));
}

Response model_error(const VariantReply& answer, const std::string& endpoint, const AwsScope& scope) {
  if (is_overload(answer.reply)) {
    Response busy =
        runtime_error(503, "ServiceUnavailable", "The model has too many requests waiting; try again.");
    busy.headers.add("Retry-After", "1");
    return busy;
  }
  const Fault fault = fault_of(answer.reply);
  const std::string group = fmt::format("/aws/sagemaker/Endpoints/{}", endpoint);
  const std::string message =
      fmt::format("Received {} from {} with message \"{}\". See {} in account {} for more information.",
                  fault_name(fault.status), answer.variant, fault.message, group, scope.account);
  Response response = runtime_error(424, "ModelError", message);
  response.body = ClinicalText(to_utf8({{"Message", message},
                                        {"OriginalStatusCode", fault.status},
                                        {"OriginalMessage", fault.message},
                                        {"LogStreamArn", fmt::format("arn:aws:logs:{}:{}:log-group:{}",
                                                                     scope.region, scope.account, group)}}));
  return response;
}

void Runtime::handle(const RuntimePath& path, server::Request request, std::stop_token stop,
                     const Responder& responder, const AwsScope& scope) {
  if (!is_resource_name(path.endpoint) || path.endpoint.size() > 63) {
    return responder.send(runtime_error(
        400, "ValidationError", "The endpoint's name is none: up to 63 letters, digits and hyphens."));
  }
  if (auto refused = check_headers(request)) return responder.send(std::move(*refused));
  if (path.action == RuntimePath::Action::kInvokeAsync) {
    return async_.accept(path.endpoint, request, responder, scope);
  }
  const bool streams = path.action == RuntimePath::Action::kInvokeStream;
  std::string variant(request.headers.find(kTargetVariant).value_or(""));
  auto passed = worker_request(request, streams ? "X-Amzn-SageMaker-Accept" : "Accept");
  if (streams) {
    return invoke_stream(path.endpoint, std::move(passed), std::move(variant), std::move(stop), responder,
                         scope);
  }
  invoke(path.endpoint, std::move(passed), std::move(variant), std::move(stop), responder, scope);
}

void Runtime::invoke(const std::string& endpoint, std::shared_ptr<jobs::WorkerRequest> request,
                     std::string variant, std::stop_token stop, const Responder& responder,
                     const AwsScope& scope) {
  jobs::CallLimits limits{std::chrono::steady_clock::now() + kInvocationTimeout, std::move(stop)};
  supervisor_.invoke(endpoint, std::move(variant), std::move(request), std::move(limits), {},
                     [endpoint, responder, scope](Refusal refusal, VariantReply answer) {
                       if (refusal != Refusal::kNone)
                         return responder.send(runtime_refusal(refusal, endpoint, scope));
                       if (!answer.reply || answer.reply->status >= 400) {
                         return responder.send(model_error(answer, endpoint, scope));
                       }
                       responder.send(whole_answer(answer));
                     });
}

void Runtime::invoke_stream(const std::string& endpoint, std::shared_ptr<jobs::WorkerRequest> request,
                            std::string variant, std::stop_token stop, const Responder& responder,
                            const AwsScope& scope) {
  jobs::CallLimits limits{std::chrono::steady_clock::now() + kInvocationTimeout, std::move(stop)};
  const auto streamed = std::make_shared<StreamedAnswer>(responder);
  supervisor_.invoke(
      endpoint, std::move(variant), std::move(request), std::move(limits),
      [streamed](const std::string& name, const WorkerReply& head, std::string_view part) {
        return streamed->take(name, head, part);
      },
      [streamed, endpoint, scope](Refusal refusal, VariantReply answer) {
        streamed->end(refusal, std::move(answer), endpoint, scope);
      });
}

}  // namespace epicrisis::api
