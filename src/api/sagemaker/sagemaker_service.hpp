#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "api/sagemaker/identity.hpp"
#include "api/sagemaker/runtime.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "server/handler.hpp"

namespace epicrisis::storage {
class Database;
class ObjectStore;
}  // namespace epicrisis::storage

namespace epicrisis::api {

struct SageMakerSettings {
  std::filesystem::path folder;  ///< Of the server's data; unpacked models and running jobs lie below it.
  std::filesystem::path worker_program;   ///< `epicrisis`.
  std::filesystem::path trainer_program;  ///< `epicrisis-train`.
  int worker_threads = 0;                 ///< 0: the processors, shared by a variant's instances.
  int worker_queue_size = 256;
  std::chrono::milliseconds idle_unload{0};  ///< Workers of an endpoint end after so long idle; 0: never.
  std::size_t jobs_at_once = 1;              ///< Training and transform jobs each.
};

/// Takes a line that a worker or trainer wrote, for a stream of CloudWatch Logs. Thread-safe.
using LogLines =
    std::function<void(const std::string& group, const std::string& stream, std::string_view line)>;

/// SageMaker and its runtime: owns endpoints, jobs and all their processes. Credentials were checked by the
/// caller. Thread-safe.
class SageMakerService {
 public:
  /// `database` and `objects` outlive the service. Create it on no thread that ends before it.
  SageMakerService(storage::Database& database, storage::ObjectStore& objects, SageMakerSettings settings,
                   LogLines log_lines);
  SageMakerService(const SageMakerService&) = delete;
  SageMakerService& operator=(const SageMakerService&) = delete;
  /// stop().
  ~SageMakerService();

  /// Brings back endpoints and jobs as they were. Before the first request.
  Result<void> restore();
  /// One operation of the control plane, called by its name; null for no answer. Blocks on the disk.
  Result<Json> run(std::string_view operation, const Json& request, const AwsScope& scope) const;
  std::vector<std::string> operations() const;
  /// `POST /` with `X-Amz-Target: SageMaker.<operation>`. Does not block.
  void control(std::string operation, server::Request request, const server::Responder& responder,
               AwsScope scope);
  /// `POST /endpoints/…`. Does not block.
  void runtime(const RuntimePath& path, server::Request request, std::stop_token stop,
               const server::Responder& responder, const AwsScope& scope);
  /// What has not been used for `older_than`, as {"Items": [{"Kind", "Name", "IdleSeconds", "DiskBytes",
  /// "MemoryBytes"}, …]}; removed too, unless `dry_run`. Blocks on the disk.
  Result<Json> clean_up(std::chrono::seconds older_than, bool dry_run);
  /// Ends all processes and threads; running jobs go on after the next start. After the server's run()
  /// returned.
  void stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace epicrisis::api
