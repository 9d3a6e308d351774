#include "api/sagemaker/async_invocations.hpp"

#include <fmt/format.h>

#include <chrono>
#include <optional>
#include <utility>

#include "api/sagemaker/artifact_cache.hpp"
#include "api/sagemaker/runtime.hpp"
#include "base/digest.hpp"
#include "base/log.hpp"
#include "storage/artifacts/object_store.hpp"

namespace epicrisis::api {

using storage::Resource;
using Refusal = jobs::EndpointSupervisor::Refusal;

namespace {

constexpr std::int64_t kDefaultTimeoutSeconds = 900;
constexpr std::int64_t kMaxTimeoutSeconds = 3600;
constexpr std::int64_t kDefaultTtlSeconds = 21600;

server::Response refused(std::string_view message) { return runtime_error(400, "ValidationError", message); }

std::optional<std::int64_t> number_of(const server::Request& request, std::string_view name) {
  const auto text = request.headers.find(name);
  if (!text || text->empty() || text->size() > 9 ||
      text->find_first_not_of("0123456789") != std::string_view::npos) {
    return std::nullopt;
  }
  return std::stoll(std::string(*text));
}

std::string joined(std::string folder, std::string_view name) {
  while (folder.ends_with('/')) folder.pop_back();
  return fmt::format("{}/{}", folder, name);
}

/// What of the request has to be remembered.
Json invocation_of(const server::Request& request, const std::string& endpoint) {
  const auto text = [&](std::string_view name) {
    return std::string(request.headers.find(name).value_or(""));
  };
  return {
      {"Endpoint", endpoint},
      {"InputLocation", text("X-Amzn-SageMaker-InputLocation")},
      {"ContentType", text("Content-Type")},
      {"Accept", text("X-Amzn-SageMaker-Accept")},
      {"CustomAttributes", text("X-Amzn-SageMaker-Custom-Attributes")},
      {"InferenceId", text("X-Amzn-SageMaker-Inference-Id")},
      {"TimeoutSeconds",
       number_of(request, "X-Amzn-SageMaker-InvocationTimeoutSeconds").value_or(kDefaultTimeoutSeconds)},
      {"TtlSeconds", number_of(request, "X-Amzn-SageMaker-RequestTTLSeconds").value_or(kDefaultTtlSeconds)}};
}

}  // namespace

void AsyncInvocations::accept(const std::string& endpoint, const server::Request& request,
                              const server::Responder& responder, const AwsScope& scope) {
  loop_.post_blocking([this, endpoint, invocation = invocation_of(request, endpoint), responder, scope] {
    responder.send(accept_now(endpoint, invocation, scope));
  });
}

server::Response AsyncInvocations::accept_now(const std::string& endpoint, const Json& request,
                                              const AwsScope& scope) {
  const auto found = resources_.find(kind::kEndpoint, endpoint);
  if (!found) return runtime_error(500, "InternalFailure", "The request failed inside the server.");
  const bool serves = *found && (*found)->status != "Failed" && (*found)->status != "Deleting" &&
                      (*found)->status != "Creating";
  if (!serves) return runtime_refusal(Refusal::kUnknownEndpoint, endpoint, scope);
  const Json& active = (*found)->document.at("Active");
  const Json output =
      active.value("AsyncInferenceConfig", Json::object()).value("OutputConfig", Json::object());
  const std::string output_path = output.value("S3OutputPath", "");
  if (output_path.empty()) {
    return refused("The endpoint's config has no AsyncInferenceConfig with an S3OutputPath.");
  }
  if (!parse_s3_url(request.at("InputLocation").get<std::string>())) {
    return refused("InputLocation must be an s3:// URI of an object.");
  }
  if (request.at("TimeoutSeconds").get<std::int64_t>() > kMaxTimeoutSeconds) {
    return refused("InvocationTimeoutSeconds must be at most 3600.");
  }
  Json document = request;
  const std::string id = to_hex(random_bytes(16));
  if (document["InferenceId"].get_ref<const std::string&>().empty()) document["InferenceId"] = id;
  document["Region"] = scope.region;
  document["Account"] = scope.account;
  document["OutputLocation"] = joined(output_path, id + ".out");
  const std::string failure_path = output.value("S3FailurePath", "");
  document["FailureLocation"] = failure_path.empty() ? "" : joined(failure_path, id + "-error.out");
  Resource invocation{std::string(kind::kAsyncInvocation), id, "InProgress", 0, 0, document};
  const auto created = resources_.create(invocation, {}, "");
  if (!created) return runtime_error(500, "InternalFailure", "The request could not be stored.");
  invocation.created_us = *created;
  server::Response response;
  response.status = 202;
  response.content_type = "application/json";
  response.headers.add("X-Amzn-SageMaker-OutputLocation", document["OutputLocation"].get<std::string>());
  if (!failure_path.empty()) {
    response.headers.add("X-Amzn-SageMaker-FailureLocation", document["FailureLocation"].get<std::string>());
  }
  response.body = ClinicalText(
      Json{{"InferenceId", document["InferenceId"]}}.dump(-1, ' ', false, Json::error_handler_t::replace));
  enqueue(std::move(invocation));
  return response;
}

Result<void> AsyncInvocations::restore() {
  EPICRISIS_ASSIGN_OR_RETURN(std::vector<Resource> invocations, resources_.all(kind::kAsyncInvocation));
  for (Resource& invocation : invocations) enqueue(std::move(invocation));
  return {};
}

void AsyncInvocations::enqueue(Resource invocation) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(invocation));
  }
  loop_.post_blocking([this] { start_next(); });
}

void AsyncInvocations::start_next() {
  Resource invocation;
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.empty() || running_ >= settings_.at_once) return;
    ++running_;
    invocation = std::move(waiting_.front());
    waiting_.pop_front();
  }
  run(invocation);
}

void AsyncInvocations::end_one() {
  {
    const std::lock_guard lock(mutex_);
    --running_;
  }
  start_next();
}

void AsyncInvocations::run(const Resource& invocation) {
  const Json& document = invocation.document;
  const auto location = parse_s3_url(document.at("InputLocation").get<std::string>());
  const auto age_us = storage::now_us() - invocation.created_us;
  std::string failure;
  std::string body;
  if (age_us > document.at("TtlSeconds").get<std::int64_t>() * 1'000'000)
    failure = "The request's time to live passed.";
  if (failure.empty()) {
    auto reader = objects_.open(location->bucket, location->key);
    if (!reader || *reader == nullptr) {
      failure = "There is no object at the InputLocation.";
    } else if ((*reader)->info().size_bytes > settings_.max_input_bytes) {
      failure = fmt::format("The input is larger than {} bytes.", settings_.max_input_bytes);
    } else if (auto bytes = (*reader)->read(0, (*reader)->info().size_bytes)) {
      body = std::move(*bytes);
    } else {
      failure = "The input could not be read.";
    }
  }
  if (!failure.empty()) {
    write_outcome(invocation, false, "application/json", Json{{"Message", failure}}.dump());
    return end_one();
  }
  auto request = std::make_shared<jobs::WorkerRequest>();
  const auto pass = [&](const char* field, const char* member) {
    const std::string value = document.value(member, "");
    if (!value.empty()) request->fields.emplace_back(field, value);
  };
  pass("Content-Type", "ContentType");
  pass("Accept", "Accept");
  pass("X-Amzn-SageMaker-Custom-Attributes", "CustomAttributes");
  request->body = ClinicalText(std::move(body));
  const jobs::CallLimits limits{std::chrono::steady_clock::now() +
                                std::chrono::seconds(document.at("TimeoutSeconds").get<std::int64_t>())};
  supervisor_.invoke(
      document.at("Endpoint").get<std::string>(), "", std::move(request), limits, {},
      [this, invocation](Refusal refusal, jobs::VariantReply answer) {
        auto shared = std::make_shared<jobs::VariantReply>(std::move(answer));
        loop_.post_blocking([this, invocation, refusal, shared] { finish(invocation, refusal, *shared); });
      });
}

void AsyncInvocations::finish(const Resource& invocation, Refusal refusal, const jobs::VariantReply& answer) {
  const bool success = refusal == Refusal::kNone && answer.reply && answer.reply->status < 400;
  if (success) {
    write_outcome(invocation, true,
                  std::string(answer.reply->find("Content-Type").value_or("application/json")),
                  answer.reply->body.reveal());
  } else {
    const AwsScope scope{invocation.document.value("Region", ""), invocation.document.value("Account", "")};
    const std::string endpoint = invocation.document.value("Endpoint", "");
    const server::Response error = refusal == Refusal::kNone ? model_error(answer, endpoint, scope)
                                                             : runtime_refusal(refusal, endpoint, scope);
    write_outcome(invocation, false, "application/json", error.body.reveal());
  }
  end_one();
}

/// The result first, then the request is forgotten: a crash in between repeats the work, it loses none.
void AsyncInvocations::write_outcome(const Resource& invocation, bool success,
                                     const std::string& content_type, const std::string& body) {
  const auto location =
      parse_s3_url(invocation.document.value(success ? "OutputLocation" : "FailureLocation", ""));
  Result<void> written;
  if (location) {
    auto writer = objects_.put(location->bucket, location->key);
    written = writer ? (*writer)->write(body) : Result<void>(writer.error());
    if (written) {
      (*writer)->finish();
      storage::ObjectMetadata metadata;
      metadata.content_type = content_type;
      if (auto committed = (*writer)->commit(std::move(metadata)); !committed) written = committed.error();
    }
  }
  log::info("async.finished", {{"success", success}, {"written", written.has_value()}});
  const auto removed = resources_.remove(kind::kAsyncInvocation, invocation.name, invocation.created_us, "");
  if (!removed) log::error("async.not_removed");
}

}  // namespace epicrisis::api
