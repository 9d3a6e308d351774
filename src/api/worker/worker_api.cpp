#include "api/worker/worker_api.hpp"

#include <string>
#include <utility>

#include "api/worker/media_type.hpp"
#include "api/worker/parameters.hpp"
#include "api/worker/payload.hpp"
#include "base/log.hpp"
#include "server/pushed_body.hpp"

namespace epicrisis::api {
namespace {

using server::Responder;
using server::Response;

/// Invented; only its computation counts.
constexpr std::string_view kWarmUpNote =
    "Patient came in with chest pain since this morning. ECG normal, aspirin given, troponin pending.";

std::string_view encoding_of(const server::Request& request) {
  return request.headers.find("Content-Encoding").value_or("identity");
}

Response busy(std::string_view message) {
  Response response = error_response(503, message);
  response.headers.add("Retry-After", "1");
  return response;
}

Response refusal(const Error& error) {
  if (server::http_status(error.code) == 503) return busy(error.to_line());
  // What happens inside is for operators; a client learns that it happened.
  const bool internal = error.code == ErrorCode::kInternal;
  return error_response(server::http_status(error.code), internal ? "The model failed." : error.to_line());
}

/// An answer of server-sent events; its head is sent with the first. From one thread at a time.
class EventAnswer {
 public:
  explicit EventAnswer(Responder responder) : responder_(std::move(responder)) {}

  void send(std::string_view key, std::string_view text) {
    if (!begun_) begin();
    if (const auto body = body_.lock()) body->push(encode_event(key, text));
  }
  /// The last event has the whole text.
  void finish(std::string_view key, std::string_view text) {
    send(key, text);
    if (const auto body = body_.lock()) body->finish();
  }
  void fail(const Error& error) {
    if (!begun_) return responder_.send(refusal(error));
    finish("error", error.code == ErrorCode::kInternal ? "The model failed." : error.to_line());
  }

 private:
  void begin() {
    begun_ = true;
    auto body = std::make_shared<server::PushedBody>();
    body_ = body;  // the connection owns it; it is gone when the client is
    Response response;
    response.content_type = "text/event-stream";
    response.headers.add("Cache-Control", "no-store");
    response.stream = std::move(body);
    responder_.send(std::move(response));
  }

  Responder responder_;
  std::weak_ptr<server::PushedBody> body_;
  bool begun_ = false;
};

}  // namespace

Response error_response(int status, std::string_view message) {
  return {status, std::string(to_string(MediaType::kJson)), {}, ClinicalText(encode_error(message))};
}

WorkerApi::WorkerApi(WorkerOptions options) : options_(options), codec_(1, options.scheduler.max_waiting) {}

WorkerApi::~WorkerApi() { stop(); }

server::Router WorkerApi::router() {
  server::Router router;
  auto answer_ping = [this](const server::Request&, const std::stop_token&, const Responder& responder) {
    ping(responder);
  };
  auto answer_invocation = [this](server::Request request, std::stop_token stop, const Responder& responder) {
    invoke(std::move(request), std::move(stop), responder);
  };
  router.add("GET", "/ping", {.name = "ping", .handler = std::move(answer_ping), .quiet = true});
  router.add("POST", "/invocations",
             {.name = "invocations",
              .handler = std::move(answer_invocation),
              .max_body_bytes = options_.max_body_bytes,
              .timeout = options_.request_timeout});
  return router;
}

Result<void> WorkerApi::open(std::shared_ptr<SummarizationService> service, Task task, std::stop_token stop) {
  EPICRISIS_CHECK(!is_ready());
  const std::vector<ClinicalText> notes = {ClinicalText(std::string(kWarmUpNote))};
  TextSettings warm_up = service->default_settings();
  warm_up.generation = trial_config(std::move(warm_up.generation));
  const auto started = std::chrono::steady_clock::now();
  const auto summary = service->summarize(notes, warm_up, std::move(stop));
  if (!summary) return summary.error();
  const auto took = std::chrono::steady_clock::now() - started;
  service_ = std::move(service);
  task_ = task;
  owned_scheduler_ = std::make_unique<BatchScheduler>(service_, options_.scheduler);
  scheduler_ = owned_scheduler_.get();
  log::info("worker.ready",
            {{"task", log::Word(to_string(task))},
             {"warm_up_ms", std::chrono::duration_cast<std::chrono::milliseconds>(took).count()}});
  return {};
}

void WorkerApi::stop() {
  codec_.stop();
  if (BatchScheduler* scheduler = scheduler_.load()) scheduler->stop();
}

void WorkerApi::ping(const Responder& responder) const {
  if (!is_ready()) return responder.send(busy("The model is still loading."));
  responder.send(Response{.status = 200, .content_type = {}, .headers = {}, .body = {}});
}

void WorkerApi::invoke(server::Request request, std::stop_token stop, const Responder& responder) {
  const BatchScheduler* scheduler = scheduler_;
  if (scheduler == nullptr) return responder.send(busy("The model is still loading."));
  if (scheduler->is_full()) return responder.send(busy("Too many requests are waiting; try again."));
  auto shared = std::make_shared<server::Request>(std::move(request));
  auto task = [this, shared = std::move(shared), stop = std::move(stop), responder] {
    if (!stop.stop_requested()) decode_and_submit(*shared, stop, responder);
  };
  if (!codec_.try_submit(std::move(task))) {
    responder.send(busy("Too many requests are waiting; try again."));
  }
}

void WorkerApi::decode_and_submit(const server::Request& request, std::stop_token stop,
                                  const Responder& responder) {
  const Result<MediaType> in = content_type_of(request.headers.find("Content-Type"));
  if (!in) return responder.send(refusal(in.error()));
  const Result<MediaType> out = answer_type_for(request.headers.joined("Accept"));
  if (!out) return responder.send(refusal(out.error()));
  if (!server::equals_ignoring_case(encoding_of(request), "identity")) {
    return responder.send(error_response(400, "The body must not have a Content-Encoding."));
  }
  Result<Invocation> invocation = decode_invocation(*in, request.body.reveal());
  if (!invocation) return responder.send(refusal(invocation.error()));
  Result<TextSettings> settings =
      apply_parameters(service_->default_settings(), task_, invocation->parameters);
  if (!settings) return responder.send(refusal(settings.error()));

  if (invocation->stream) {
    return stream_answer(std::move(*invocation), std::move(*settings), std::move(stop), responder);
  }
  auto done = [responder, type = *out, key = result_key(task_), is_list = invocation->is_list,
               form = invocation->form](const Result<std::vector<Texts>>& results) {
    if (!results) return responder.send(refusal(results.error()));
    responder.send({200,
                    std::string(to_string(type)),
                    {},
                    ClinicalText(encode_results(type, key, *results, is_list, form))});
  };
  SummarizationJob job;
  job.notes = std::move(invocation->inputs);
  job.settings = std::move(*settings);
  job.stop = std::move(stop);
  job.done = std::move(done);
  if (!scheduler_.load()->try_submit(std::move(job))) {
    responder.send(busy("Too many requests are waiting; try again."));
  }
}

void WorkerApi::stream_answer(Invocation invocation, TextSettings settings, std::stop_token stop,
                              const Responder& responder) {
  auto answer = std::make_shared<EventAnswer>(responder);
  SummarizationJob job;
  job.notes = std::move(invocation.inputs);
  job.settings = std::move(settings);
  job.stop = std::move(stop);
  job.take_piece = [answer](std::string_view piece) { answer->send("delta", piece); };
  job.done = [answer, key = result_key(task_)](const Result<std::vector<Texts>>& results) {
    if (results) return answer->finish(key, results->front().front());
    answer->fail(results.error());
  };
  if (!scheduler_.load()->try_submit(std::move(job))) {
    responder.send(busy("Too many requests are waiting; try again."));
  }
}

}  // namespace epicrisis::api
