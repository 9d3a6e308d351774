#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "api/aws/front.hpp"
#include "api/aws/identity_service.hpp"
#include "api/aws/logs_service.hpp"
#include "api/s3/s3_service.hpp"
#include "api/sagemaker/front_operations.hpp"
#include "api/sagemaker/hub_object_store.hpp"
#include "api/sagemaker/log_writer.hpp"
#include "api/sagemaker/sagemaker_service.hpp"
#include "base/log.hpp"
#include "commands/commands.hpp"
#include "commands/running_server.hpp"
#include "hub/model_reference.hpp"
#include "hub/store.hpp"
#include "server/compute_pool.hpp"
#include "server/server.hpp"
#include "storage/data_folder.hpp"

namespace epicrisis {
namespace fs = std::filesystem;
namespace {

struct Settings {
  std::string data;
  std::string listen = "127.0.0.1:8080";
  std::string tls_certificate;
  std::string tls_key;
  std::string account_id = "000000000000";
  std::string s3_domain;
  double rate_limit = 1000;
  std::size_t io_threads = 2;
  double shutdown_grace = 25;
  int worker_threads = 0;
  int worker_queue_size = 256;
  double idle_unload = 0;
  std::size_t jobs = 1;
  std::vector<std::string> jumpstart_aliases;
};

Result<server::ServerOptions> server_options(const Settings& settings) {
  server::ServerOptions options;
  EPICRISIS_ASSIGN_OR_RETURN(options.endpoint, server::parse_endpoint(settings.listen));
  if (settings.tls_certificate.empty() != settings.tls_key.empty()) {
    return Error{ErrorCode::kInvalidArgument, "--tls-cert and --tls-key go together.", ""};
  }
  if (!settings.tls_certificate.empty()) {
    options.tls = server::TlsFiles{settings.tls_certificate, settings.tls_key};
  } else if (!options.endpoint.is_loopback()) {
    return Error{ErrorCode::kInvalidArgument,
                 "Without TLS the server listens on loopback only; give --tls-cert and --tls-key.", ""};
  }
  options.io_threads = settings.io_threads;
  options.shutdown_on_signals = true;
  options.limits.shutdown_grace =
      std::chrono::milliseconds(static_cast<std::int64_t>(settings.shutdown_grace * 1000));
  return options;
}

/// The first start has nobody who could make a key.
Result<void> make_first_key(storage::KeyStore& keys) {
  EPICRISIS_ASSIGN_OR_RETURN(const auto known, keys.list());
  if (!known.empty()) return {};
  EPICRISIS_ASSIGN_OR_RETURN(const storage::AccessKeySecret made, keys.create(storage::Role::kAdmin));
  fmt::print("The first access key, role admin; its secret is shown this once:\n");
  fmt::print("AWS_ACCESS_KEY_ID={}\nAWS_SECRET_ACCESS_KEY={}\n", made.key.id, made.secret);
  return {};
}

Result<api::ModelHubSettings> hub_settings(const Settings& settings) {
  api::ModelHubSettings hub{model_places(), Store::default_root(), {}, fs::path(settings.data) / "hub-cache"};
  for (const std::string& alias : settings.jumpstart_aliases) {
    const std::size_t sign = alias.find('=');
    if (sign == std::string::npos || sign == 0 || sign + 1 == alias.size()) {
      return Error{ErrorCode::kInvalidArgument, "--jumpstart-alias is ID=NAME or ID=NAME@VERSION.", ""};
    }
    hub.aliases[alias.substr(0, sign)] = alias.substr(sign + 1);
  }
  return hub;
}

/// Workers and trainers are the programs beside this one.
api::SageMakerSettings sagemaker_settings(const Settings& settings) {
  std::error_code ignored;
  const fs::path self = fs::read_symlink("/proc/self/exe", ignored);
  api::SageMakerSettings sagemaker;
  sagemaker.folder = settings.data;
  sagemaker.worker_program = self;
  sagemaker.trainer_program = self.parent_path() / "epicrisis-train";
  sagemaker.worker_threads = settings.worker_threads;
  sagemaker.worker_queue_size = settings.worker_queue_size;
  sagemaker.idle_unload = std::chrono::milliseconds(static_cast<std::int64_t>(settings.idle_unload * 1000));
  sagemaker.jobs_at_once = settings.jobs;
  return sagemaker;
}

Result<void> serve(const Settings& settings) {
  EPICRISIS_ASSIGN_OR_RETURN(server::ServerOptions options, server_options(settings));
  EPICRISIS_ASSIGN_OR_RETURN(const std::unique_ptr<storage::DataFolder> data,
                             storage::DataFolder::open_exclusively(settings.data));
  EPICRISIS_RETURN_IF_ERROR(make_first_key(data->keys()));

  // Calls that block on the disk; one connection has at most one of them waiting.
  server::ComputePool blocking(std::max(8U, 2 * std::thread::hardware_concurrency()),
                               2 * options.limits.max_connections);
  api::aws::FrontOptions front_options;
  front_options.account_id = settings.account_id;
  front_options.requests_per_second = settings.rate_limit;
  front_options.request_burst = 2 * settings.rate_limit;
  api::aws::Front front(front_options, data->keys(), data->audit(), blocking);
  EPICRISIS_ASSIGN_OR_RETURN(api::ModelHubSettings hub_options, hub_settings(settings));
  const api::ModelHub hub(std::move(hub_options));
  api::HubObjectStore objects(data->objects(), hub);
  api::s3::S3Service s3({settings.s3_domain}, objects, data->audit(), blocking);
  front.set_s3(s3);
  api::aws::add_identity_operations(front);
  api::aws::add_logs_operations(front, data->logs());
  api::LogWriter log_writer(data->logs());
  api::SageMakerService sagemaker(
      data->database(), objects, sagemaker_settings(settings),
      [&log_writer](const std::string& group, const std::string& stream, std::string_view line) {
        log_writer.add(group, stream, line);
      });
  EPICRISIS_RETURN_IF_ERROR(sagemaker.restore());
  api::add_sagemaker_operations(front, sagemaker);

  EPICRISIS_ASSIGN_OR_RETURN(const std::unique_ptr<server::Server> server,
                             server::Server::listen(std::move(options), front.router()));
  const std::string url = fmt::format("{}://{}", settings.tls_certificate.empty() ? "http" : "https",
                                      server->endpoint().to_string());
  EPICRISIS_RETURN_IF_ERROR(announce_server(settings.data, {url, settings.tls_certificate}));
  fmt::print("listening on {}\n", url);
  std::fflush(stdout);
  server->run();
  sagemaker.stop();
  blocking.stop();
  log::info("serve.stopped");
  return {};
}

}  // namespace

void add_serve_command(CLI::App& app, CommandAction& chosen) {
  CLI::App* command =
      app.add_subcommand("serve", "Serve SageMaker, S3, STS, IAM and CloudWatch Logs over one data folder");
  auto settings = std::make_shared<Settings>();
  command->add_option("--data", settings->data, "Folder that holds everything; created where it is missing")
      ->required();
  command->add_option("--listen", settings->listen, "ADDR:PORT; port 0 lets the system choose")
      ->capture_default_str();
  command->add_option("--tls-cert", settings->tls_certificate, "Certificate with its chain, PEM");
  command->add_option("--tls-key", settings->tls_key, "Its private key, PEM");
  command->add_option("--account-id", settings->account_id, "The account in ARNs")
      ->check([](const std::string& id) {
        const bool digits = id.size() == 12 && id.find_first_not_of("0123456789") == std::string::npos;
        return digits ? std::string() : std::string("an account id has 12 digits");
      })
      ->capture_default_str();
  command->add_option("--s3-domain", settings->s3_domain, "Also take buckets from hosts BUCKET.DOMAIN");
  command->add_option("--rate-limit", settings->rate_limit, "Requests a second of one key; 0: no limit")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->add_option("--io-threads", settings->io_threads, "Threads that talk to clients")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command
      ->add_option("--shutdown-grace", settings->shutdown_grace,
                   "Seconds that running requests get at SIGTERM")
      ->check(CLI::Range(0.0, 86400.0))
      ->capture_default_str();
  command
      ->add_option(
          "--worker-threads", settings->worker_threads,
          "Threads that one worker computes with; 0: all processors, shared by a variant's instances")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command
      ->add_option("--worker-queue-size", settings->worker_queue_size,
                   "Requests that may wait in one worker before others get 503")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command
      ->add_option("--idle-unload", settings->idle_unload,
                   "Seconds without a request after which an endpoint's workers end until the next; 0: never")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->add_option("--jobs", settings->jobs, "Training jobs at a time")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_option("--jumpstart-alias", settings->jumpstart_aliases,
                      "ID=NAME: also offer the model NAME of the hub under JumpStart's ID; may be repeated");
  command->callback([&chosen, settings] { chosen = [settings] { return serve(*settings); }; });
}

}  // namespace epicrisis
