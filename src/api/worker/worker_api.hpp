#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "api/worker/batch_scheduler.hpp"
#include "api/worker/summarization_service.hpp"
#include "api/worker/task.hpp"
#include "base/result.hpp"
#include "server/compute_pool.hpp"
#include "server/http.hpp"
#include "server/router.hpp"

namespace epicrisis::api {

struct WorkerOptions {
  SchedulerOptions scheduler;
  std::uint64_t max_body_bytes = 6'291'456;
  std::chrono::milliseconds request_timeout{60'000};
};

struct Invocation;

/// The container contract over one model: GET /ping and POST /invocations. See docs/formats/worker.md.
///
/// Not ready, and answering 503, until open() has succeeded. Thread-safe.
class WorkerApi {
 public:
  explicit WorkerApi(WorkerOptions options);
  WorkerApi(const WorkerApi&) = delete;
  WorkerApi& operator=(const WorkerApi&) = delete;
  /// stop().
  ~WorkerApi();

  /// The routes, which refer to this object.
  server::Router router();
  /// Summarises a warm-up note and, if that works, serves `service` as `task` from then on. Once.
  /// Errors: those of the service, kCancelled once `stop` is requested.
  Result<void> open(std::shared_ptr<SummarizationService> service, Task task, std::stop_token stop = {});
  bool is_ready() const noexcept { return scheduler_.load() != nullptr; }
  /// Cancels running requests and joins the compute threads. To be called after the server's run() returned.
  void stop();

 private:
  void ping(const server::Responder& responder) const;
  void invoke(server::Request request, std::stop_token stop, const server::Responder& responder);
  void decode_and_submit(const server::Request& request, std::stop_token stop,
                         const server::Responder& responder);
  void stream_answer(Invocation invocation, TextSettings settings, std::stop_token stop,
                     const server::Responder& responder);

  const WorkerOptions options_;
  server::ComputePool codec_;                      // parses bodies: a large one would hold up an I/O thread
  std::shared_ptr<SummarizationService> service_;  // this and task_: set before scheduler_, then constant
  Task task_ = Task::kSummarization;
  std::unique_ptr<BatchScheduler> owned_scheduler_;
  std::atomic<BatchScheduler*> scheduler_ = nullptr;
};

/// {"error": "<message>"}: what the worker answers in every refusal.
server::Response error_response(int status, std::string_view message);

}  // namespace epicrisis::api
