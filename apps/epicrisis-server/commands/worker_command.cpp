#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>

#include "api/worker/model_service.hpp"
#include "api/worker/task.hpp"
#include "api/worker/worker_api.hpp"
#include "base/json.hpp"
#include "base/log.hpp"
#include "commands/commands.hpp"
#include "hub/model_reference.hpp"
#include "server/server.hpp"
#include "shared/dtype_option.hpp"
#include "summarize/summarizer.hpp"

namespace epicrisis {
namespace {

struct Settings {
  std::string model;
  std::string listen = "127.0.0.1:8080";
  std::optional<std::string> task;
  int threads = 0;
  ComputeType type = ComputeType::kFloat32;
  std::size_t queue_size = 256;
  std::size_t max_batch = 64;
  std::size_t max_cache_bytes = 0;
  std::uint64_t max_body_bytes = 6'291'456;
  double request_timeout = 60;
  double shutdown_grace = 25;
  bool allow_remote = false;
};

std::chrono::milliseconds milliseconds_of(double seconds) {
  return std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
}

Result<server::Endpoint> permitted_endpoint(const Settings& settings) {
  EPICRISIS_ASSIGN_OR_RETURN(server::Endpoint endpoint, server::parse_endpoint(settings.listen));
  if (endpoint.is_loopback() || settings.allow_remote) return endpoint;
  return Error{ErrorCode::kInvalidArgument,
               "A worker checks no credentials, so it listens on loopback only, behind a server that does; "
               "with --allow-remote it takes notes from everyone who reaches the address.",
               ""};
}

Result<void> load_model(const Settings& settings, api::WorkerApi& api, const std::stop_token& stop) {
  const auto started = std::chrono::steady_clock::now();
  EPICRISIS_ASSIGN_OR_RETURN(const ModelFolder folder, resolve_model(settings.model));
  EPICRISIS_ASSIGN_OR_RETURN(const Json config, read_json_file(folder.path() / "config.json"));
  const char* hf_task = std::getenv("HF_TASK");
  EPICRISIS_ASSIGN_OR_RETURN(
      const Task task,
      api::choose_task(settings.task, hf_task == nullptr ? "" : hf_task, architecture_name_of(config)));
  SummarizerOptions options;
  options.threads = settings.threads;
  options.type = settings.type;
  options.task = task;
  options.max_cache_bytes = settings.max_cache_bytes;
  EPICRISIS_ASSIGN_OR_RETURN(std::shared_ptr<const Summarizer> summarizer,
                             Summarizer::load(folder.path(), options));
  const auto took = std::chrono::steady_clock::now() - started;
  log::info("worker.model_loaded",
            {{"took_ms", std::chrono::duration_cast<std::chrono::milliseconds>(took).count()}});
  return api.open(api::make_model_service(std::move(summarizer)), task, stop);
}

Result<void> serve_model(const Settings& settings) {
  EPICRISIS_ASSIGN_OR_RETURN(server::Endpoint endpoint, permitted_endpoint(settings));
  if (settings.task) {
    if (auto task = api::parse_task(*settings.task); !task) return std::move(task).error();
  }
  api::WorkerOptions worker_options;
  worker_options.scheduler.max_waiting = settings.queue_size;
  worker_options.scheduler.max_running = settings.max_batch;
  worker_options.max_body_bytes = settings.max_body_bytes;
  worker_options.request_timeout = milliseconds_of(settings.request_timeout);
  server::ServerOptions server_options;
  server_options.endpoint = std::move(endpoint);
  server_options.limits.max_body_bytes = settings.max_body_bytes;
  server_options.limits.shutdown_grace = milliseconds_of(settings.shutdown_grace);
  server_options.shutdown_on_signals = true;
  server_options.error_response = api::error_response;

  // Listening comes first: whoever started the worker can ask /ping while the model loads.
  api::WorkerApi api(worker_options);
  EPICRISIS_ASSIGN_OR_RETURN(const std::unique_ptr<server::Server> server,
                             server::Server::listen(std::move(server_options), api.router()));
  fmt::print("listening on http://{}\n", server->endpoint().to_string());
  std::fflush(stdout);

  Result<void> loaded;
  std::jthread loader([&](const std::stop_token& stop) {
    loaded = load_model(settings, api, stop);
    if (!loaded && !stop.stop_requested()) server->shutdown_now();
  });
  server->run();
  loader.request_stop();
  loader.join();
  api.stop();
  const bool cancelled = !loaded && loaded.error().code == ErrorCode::kCancelled;
  if (!loaded && !cancelled) return loaded;
  log::info("worker.stopped");
  return {};
}

}  // namespace

void add_worker_command(CLI::App& app, CommandAction& chosen) {
  CLI::App* command =
      app.add_subcommand("worker", "Serve one model over HTTP: GET /ping and POST /invocations");
  auto settings = std::make_shared<Settings>();
  command->add_option("--model", settings->model,
                      "A folder, a .tar.gz or a name; default: the bundled model");
  command->add_option("--listen", settings->listen, "ADDR:PORT; port 0 lets the system choose")
      ->capture_default_str();
  command->add_option(
      "--task", settings->task,
      "summarization, text2text-generation or text-generation; default: HF_TASK, else what the "
      "model's architecture says");
  command->add_option("--threads", settings->threads, "Threads that compute; 0: all processors")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  add_dtype_option(*command, settings->type);
  command->add_option("--queue-size", settings->queue_size, "Requests that may wait before others get 503")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_option("--max-batch", settings->max_batch, "Requests computed together; others wait")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  command
      ->add_option(
          "--max-cache-bytes", settings->max_cache_bytes,
          "Most memory for keys and values of running requests; 0: half of what is left after loading")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->add_option("--max-body-bytes", settings->max_body_bytes, "Largest request body")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_option("--request-timeout", settings->request_timeout, "Seconds until a request gets 504")
      ->check(CLI::Range(0.001, 86400.0))
      ->capture_default_str();
  command
      ->add_option("--shutdown-grace", settings->shutdown_grace,
                   "Seconds that running requests get at SIGTERM")
      ->check(CLI::Range(0.0, 86400.0))
      ->capture_default_str();
  command->add_flag("--allow-remote", settings->allow_remote, "Listen on an address others can reach");
  command->callback([&chosen, settings] { chosen = [settings] { return serve_model(*settings); }; });
}

}  // namespace epicrisis
