#include "api/aws/front.hpp"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "api/aws/xml.hpp"
#include "base/digest.hpp"
#include "base/log.hpp"

namespace epicrisis::api::aws {
namespace {

using server::Request;
using server::Responder;
using server::Response;
using server::Route;
using std::chrono::steady_clock;

constexpr std::string_view kEndpoints = "/endpoints/";

RequestView view_of(const Request& request) {
  return {request.method, request.path, request.query, request.headers};
}

/// A version 4 UUID.
std::string new_request_id() {
  std::string bytes = random_bytes(16);
  bytes[6] = static_cast<char>((static_cast<unsigned char>(bytes[6]) & 0x0FU) | 0x40U);
  bytes[8] = static_cast<char>((static_cast<unsigned char>(bytes[8]) & 0x3FU) | 0x80U);
  const std::string hex = to_hex(bytes);
  return fmt::format("{}-{}-{}-{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(12, 4),
                     hex.substr(16, 4), hex.substr(20));
}

bool is_form(const Request& head) {
  return head.method == "POST" && head.path == "/" &&
         head.headers.find("content-type").value_or("").starts_with("application/x-www-form-urlencoded");
}

bool is_runtime_path(const Request& head) {
  return head.path.starts_with(kEndpoints) && head.path.find('/', kEndpoints.size()) != std::string::npos;
}

/// What a request is for, by its signs; the credential scope has to agree afterwards, and decides where a
/// bucket could be called "endpoints".
Protocol protocol_of(const Request& head, std::string_view scope) {
  if (head.headers.find("x-amz-target") && head.method == "POST") return Protocol::kJson;
  const bool unsigned_post = scope.empty() && head.method == "POST";
  if (is_runtime_path(head) && (scope == "sagemaker" || unsigned_post)) return Protocol::kRuntime;
  if (is_form(head)) return Protocol::kQuery;
  return Protocol::kS3;
}

std::string_view first_word(std::string_view text) { return text.substr(0, text.find('.')); }

Fault too_busy(Protocol protocol) {
  if (protocol == Protocol::kS3) return {503, "SlowDown", "Please reduce your request rate."};
  return {503, "ServiceUnavailable", "The server is busy; try again."};
}

Fault throttled(Protocol protocol) {
  if (protocol == Protocol::kS3) return {503, "SlowDown", "Please reduce your request rate."};
  if (protocol == Protocol::kQuery) return {400, "Throttling", "Rate exceeded"};
  return {400, "ThrottlingException", "Rate exceeded"};
}

Fault not_allowed(Protocol protocol) {
  if (protocol == Protocol::kS3) return {403, "AccessDenied", "Access Denied"};
  if (protocol == Protocol::kQuery)
    return {403, "AccessDenied", "The role of this key does not allow the operation."};
  return {protocol == Protocol::kRuntime ? 403 : 400, "AccessDeniedException",
          "The role of this key does not allow the operation."};
}

/// What the server itself says about a request of this protocol: 413, 408, 504 …
std::function<Response(int, std::string_view)> own_errors(const SharedCall& call) {
  return [call](int status, std::string_view message) {
    std::string code = status >= 500 ? "InternalFailure" : "ValidationException";
    if (status == 503 || status == 504) code = "ServiceUnavailable";
    if (call->protocol == Protocol::kRuntime) {
      if (status == 413) code.clear();
      if (status == 413)
        return fault_response(*call, {413, code, "HTTP content length exceeded 6291456 bytes."});
    }
    if (call->protocol == Protocol::kS3) {
      code = status == 413   ? "EntityTooLarge"
             : status == 408 ? "RequestTimeout"
             : status < 500  ? "InvalidRequest"
                             : code;
      if (status == 500) code = "InternalError";
    }
    return fault_response(*call, {status, code, std::string(message)});
  };
}

Response text_response(int status, std::string_view text) {
  return {status, "text/plain; version=0.0.4; charset=utf-8", {}, ClinicalText(std::string(text))};
}

}  // namespace

Front::Front(FrontOptions options, const storage::KeyStore& keys, storage::AuditLog& audit,
             server::ComputePool& blocking)
    : options_(std::move(options)),
      keys_(keys),
      audit_(audit),
      blocking_(blocking),
      limiter_(options_.requests_per_second, options_.request_burst) {}

void Front::add_json(Service service, std::string target, Access access, JsonOperation operation) {
  std::string name = target.substr(target.find('.') + 1);
  json_.insert_or_assign(std::move(target),
                         JsonEntry{service, std::move(name), access, std::move(operation)});
}

void Front::add_query(Service service, std::string action, std::string xml_namespace, Access access,
                      QueryOperation operation) {
  query_.insert_or_assign(std::move(action),
                          QueryEntry{service, std::move(xml_namespace), access, std::move(operation)});
}

server::Router Front::router() {
  server::Router router;
  router.set_front([this](const Request& head) { return route(head); });
  return router;
}

Route Front::route(const Request& head) {
  const RequestView view = view_of(head);
  auto parsed = parse_signature(view);
  const auto* signature = std::get_if<Signature>(&parsed);
  if (signature == nullptr && std::get<SignatureFault>(parsed) == SignatureFault::kMissing) {
    if (Route open = open_route(head); open.handler) return open;
  }
  auto call = std::make_shared<Call>();
  const std::string_view scope =
      signature == nullptr ? std::string_view() : std::string_view(signature->scope.service);
  call->protocol = protocol_of(head, scope);
  call->service = call->protocol == Protocol::kJson      ? Service::kSageMaker
                  : call->protocol == Protocol::kRuntime ? Service::kRuntime
                  : call->protocol == Protocol::kQuery   ? (scope == "iam" ? Service::kIam : Service::kSts)
                                                         : Service::kS3;
  if (call->protocol == Protocol::kJson &&
      first_word(head.headers.find("x-amz-target").value_or("")).starts_with("Logs_")) {
    call->service = Service::kLogs;
  }
  call->request_id = new_request_id();
  call->account_id = options_.account_id;
  call->source_address = head.peer;
  if (signature == nullptr) {
    return refuse(call, fault_of(std::get<SignatureFault>(parsed), call->protocol));
  }
  call->caller.access_key_id = signature->scope.access_key_id;
  call->region = signature->scope.region;
  auto checked = authenticate(view, keys_, std::chrono::system_clock::now());
  if (const auto* fault = std::get_if<SignatureFault>(&checked))
    return refuse(call, fault_of(*fault, call->protocol));
  auto& who = std::get<Authenticated>(checked);
  if (scope != scope_name(call->service))
    return refuse(call, fault_of(SignatureFault::kWrong, call->protocol));
  call->caller = who.caller;
  if (!limiter_.allow(call->caller.access_key_id)) return refuse(call, throttled(call->protocol));
  switch (call->protocol) {
    case Protocol::kJson:
      return json_route(head, call, std::move(who));
    case Protocol::kQuery:
      return query_route(call, std::move(who));
    case Protocol::kRuntime:
      return runtime_route(head, call, std::move(who));
    case Protocol::kS3:
      break;
  }
  return s3_route(head, call, who);
}

/// Health and metrics, which nobody signs; signed, the same paths are buckets.
Route Front::open_route(const Request& head) {
  if (head.method != "GET" && head.method != "HEAD") return {};
  const auto answer = [](std::string name, std::function<Response()> make) {
    Route route{.name = std::move(name), .handler = {}, .quiet = true};
    route.handler = [make = std::move(make)](const Request&, const std::stop_token&,
                                             const Responder& responder) { responder.send(make()); };
    return route;
  };
  if (head.path == "/healthz") return answer("healthz", [] { return text_response(200, "ok\n"); });
  if (head.path == "/readyz") {
    return answer("readyz", [this] {
      const bool ready = !options_.is_ready || options_.is_ready();
      return ready ? text_response(200, "ready\n") : text_response(503, "not ready\n");
    });
  }
  if (head.path == "/metrics")
    return answer("metrics", [this] { return text_response(200, metrics_.text()); });
  return {};
}

Route Front::refuse(const SharedCall& call, const Fault& fault) {
  Route route{.name = "refused", .handler = {}};
  route.refusal = fault_response(*call, fault);
  record(*call, *route.refusal, steady_clock::now());
  return route;
}

// --- recording -------------------------------------------------------------------------------------------

void Front::record(Call& call, Response& response, steady_clock::time_point started) {
  if (call.protocol == Protocol::kS3) {
    response.headers.add("x-amz-request-id", call.request_id);
    response.headers.add("x-amz-id-2", call.request_id);
  } else {
    response.headers.add("x-amzn-RequestId", call.request_id);
  }
  const std::string_view service = call.service == Service::kRuntime ? "runtime" : scope_name(call.service);
  const std::string operation = call.operation.empty() ? "-" : call.operation;
  storage::AuditEvent event;
  event.access_key_id = log::Word(call.caller.access_key_id).to_string();
  const bool known = !call.operation.empty();
  event.role = known ? std::string(to_string(call.caller.role)) : "";
  event.action = fmt::format("{}:{}", service, operation);
  event.resource = call.resource;
  event.outcome = "Success";
  if (response.status >= 400) {
    event.outcome =
        std::string(response.headers.find("x-amzn-ErrorType").value_or(std::to_string(response.status)));
  }
  if (!call.error_code.empty()) event.outcome = call.error_code;
  event.status = response.status;
  event.source_address = call.source_address;
  event.request_id = call.request_id;
  if (const Result<void> written = audit_.append(event); !written) {
    log::error("audit.append_failed", {{"code", log::Word(to_string(written.error().code))}});
  }
  const std::chrono::duration<double> took = steady_clock::now() - started;
  metrics_.count(service, operation, response.status, took.count());
}

Responder Front::recorded(const SharedCall& call, Responder responder) {
  metrics_.begin();
  return Responder([this, call, responder = std::move(responder),
                    started = steady_clock::now()](Response response) {
    if (response.status == 500 && response.body.size_bytes() == 0 && !response.stream) {
      const bool s3 = call->protocol == Protocol::kS3;
      response = fault_response(
          *call, {500, s3 ? "InternalError" : "InternalFailure", "The request failed inside the server."});
    }
    record(*call, response, started);
    metrics_.end();
    responder.send(std::move(response));
  });
}

/// A handler that runs on the blocking pool once the body was found to be the signed one.
server::Handler Front::checked(const SharedCall& call, Authenticated who, AnswerMaker make) {
  auto shared_who = std::make_shared<const Authenticated>(std::move(who));
  return [this, call, shared_who, make = std::move(make)](Request request, const std::stop_token&,
                                                          const Responder& responder) {
    const Responder answer = recorded(call, responder);
    auto shared = std::make_shared<Request>(std::move(request));
    const bool taken = blocking_.try_submit([call, shared_who, make, shared, answer] {
      if (const auto fault = check_body(view_of(*shared), *shared_who, shared->body.reveal())) {
        return answer.send(fault_response(*call, fault_of(*fault, call->protocol)));
      }
      answer.send(make(*shared));
    });
    if (!taken) answer.send(fault_response(*call, too_busy(call->protocol)));
  };
}

// --- JSON ------------------------------------------------------------------------------------------------

Route Front::json_route(const Request& head, const SharedCall& call, Authenticated who) {
  const auto entry = json_.find(head.headers.find("x-amz-target").value_or(""));
  if (entry == json_.end()) {
    return refuse(call, {400, "UnknownOperationException", "The operation is not known."});
  }
  call->operation = entry->second.name;
  if (entry->second.service != call->service)
    return refuse(call, fault_of(SignatureFault::kWrong, Protocol::kJson));
  if (!is_allowed(call->caller.role, entry->second.access)) return refuse(call, not_allowed(Protocol::kJson));
  Route route{.name = entry->first, .handler = {}, .max_body_bytes = options_.max_json_bytes};
  route.error_response = own_errors(call);
  route.handler = checked(call, std::move(who), [this, call, known = &entry->second](Request& request) {
    return run_json(*known, request, *call);
  });
  return route;
}

Response Front::run_json(const JsonEntry& entry, const Request& request, Call& call) const {
  const std::string& body = request.body.reveal();
  const Result<Json> input = parse_json(body.empty() ? "{}" : body, "The body");
  if (!input) return fault_response(call, {400, "SerializationException", input.error().to_line()});
  if (!input->is_object())
    return fault_response(call, {400, "SerializationException", "The body is no JSON object."});
  try {
    const JsonReply reply = entry.run(*input, call);
    if (const auto* fault = std::get_if<Fault>(&reply)) return fault_response(call, *fault);
    return json_response(std::get<Json>(reply));
  } catch (const Json::exception&) {  // what() may quote the input
    return fault_response(call, {400, "SerializationException", "A member of the input has the wrong type."});
  }
}

// --- query -----------------------------------------------------------------------------------------------

Route Front::query_route(const SharedCall& call, Authenticated who) {
  Route route{.name = "query", .handler = {}, .max_body_bytes = options_.max_json_bytes};
  route.error_response = own_errors(call);
  route.handler =
      checked(call, std::move(who), [this, call](Request& request) { return run_query(request, *call); });
  return route;
}

Response Front::run_query(const Request& request, Call& call) const {
  const auto input = parse_query(request.body.reveal(), true);
  if (!input) return fault_response(call, {400, "MalformedQueryString", "The form cannot be decoded."});
  const auto action = find(*input, "Action");
  if (!action) return fault_response(call, {400, "MissingAction", "The parameter Action is missing."});
  const auto entry = query_.find(*action);
  if (entry == query_.end() || entry->second.service != call.service) {
    return fault_response(call, {400, "InvalidAction", "The action is not known for this service."});
  }
  call.operation = entry->first;
  if (!is_allowed(call.caller.role, entry->second.access))
    return fault_response(call, not_allowed(Protocol::kQuery));
  const QueryReply reply = entry->second.run(*input, call);
  if (const auto* fault = std::get_if<Fault>(&reply)) return fault_response(call, *fault);
  const std::string text = fmt::format(
      "<{0}Response xmlns=\"{1}\"><{0}Result>{2}</{0}Result><ResponseMetadata><RequestId>{3}</RequestId>"
      "</ResponseMetadata></{0}Response>",
      entry->first, entry->second.xml_namespace, std::get<std::string>(reply), call.request_id);
  return {200, "text/xml", {}, ClinicalText(text)};
}

// --- runtime ---------------------------------------------------------------------------------------------

Route Front::runtime_route(const Request& head, const SharedCall& call, Authenticated who) {
  const std::string_view rest = std::string_view(head.path).substr(kEndpoints.size());
  const std::string_view action = rest.substr(rest.find('/') + 1);
  const auto endpoint = percent_decode(rest.substr(0, rest.find('/')));
  call->operation = action == "invocations"                   ? "InvokeEndpoint"
                    : action == "invocations-response-stream" ? "InvokeEndpointWithResponseStream"
                    : action == "async-invocations"           ? "InvokeEndpointAsync"
                                                              : "";
  if (call->operation.empty() || !endpoint || !runtime_ || head.method != "POST") {
    return refuse(call, {404, "UnknownOperationException", "The operation is not known."});
  }
  if (!is_allowed(call->caller.role, Access::kInvoke)) return refuse(call, not_allowed(Protocol::kRuntime));
  Route route{.name = call->operation, .handler = {}, .max_body_bytes = options_.max_runtime_bytes};
  route.timeout = std::chrono::minutes(10);  // the handler has its own, shorter one
  route.error_response = own_errors(call);
  auto shared_who = std::make_shared<const Authenticated>(std::move(who));
  route.handler = [this, call, shared_who, name = *endpoint, action = std::string(action)](
                      Request request, std::stop_token stop, Responder responder) {
    Responder answer = recorded(call, std::move(responder));
    // At most 6 MiB: 4 ms of hashing, less than handing it to another thread and back would add to most.
    if (const auto fault = check_body(view_of(request), *shared_who, request.body.reveal())) {
      return answer.send(fault_response(*call, fault_of(*fault, Protocol::kRuntime)));
    }
    runtime_(call, name, action, std::move(request), std::move(stop), std::move(answer));
  };
  return route;
}

// --- S3 --------------------------------------------------------------------------------------------------

Route Front::s3_route(const Request& head, const SharedCall& call, const Authenticated& who) {
  if (s3_ == nullptr) return refuse(call, {501, "NotImplemented", "There is no object store here."});
  const bool has_body =
      head.headers.find("transfer-encoding") || head.headers.find("content-length").value_or("0") != "0";
  if (who.needs_body_hash) {
    if (has_body) {
      return refuse(
          call, {400, "InvalidRequest", "Missing required header for this request: x-amz-content-sha256"});
    }
    if (const auto fault = check_body(view_of(head), who, ""))
      return refuse(call, fault_of(*fault, Protocol::kS3));
  }
  const RestService::Operation operation = s3_->operation(head);
  call->operation = operation.name;
  if (!is_allowed(call->caller.role, operation.access)) return refuse(call, not_allowed(Protocol::kS3));
  Route route = operation.route(call, who.payload);
  route.name = operation.name;
  route.timeout = std::chrono::hours(1);
  route.error_response = own_errors(call);
  if (route.refusal) record(*call, *route.refusal, steady_clock::now());
  if (route.handler) {
    route.handler = [this, call, run = std::move(route.handler)](Request request, std::stop_token stop,
                                                                 Responder responder) {
      run(std::move(request), std::move(stop), recorded(call, std::move(responder)));
    };
  }
  return route;
}

}  // namespace epicrisis::api::aws
