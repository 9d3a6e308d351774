#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "jobs/child_process.hpp"
#include "jobs/worker_client.hpp"

namespace epicrisis::jobs {

/// How a worker is started. It prints "listening on http://127.0.0.1:PORT", then answers GET /ping with 200
/// once it has made a warm-up summary (docs/formats/worker.md).
struct WorkerSpec {
  std::vector<std::string> command;  ///< Program and arguments.
  std::vector<std::pair<std::string, std::string>> environment;
  std::chrono::milliseconds startup_timeout{std::chrono::seconds(480)};
  std::chrono::milliseconds shutdown_timeout{std::chrono::seconds(30)};  ///< SIGTERM, then SIGKILL.
};

/// One worker and the requests under way in it. All calls on the executor's one thread.
class WorkerProcess : public std::enable_shared_from_this<WorkerProcess> {
 public:
  enum class State {
    kStarting,
    kReady,     ///< Answered /ping; stays so until drain() or its end.
    kDraining,  ///< Finishes its requests.
    kEnded,
  };
  struct Events {
    std::function<void()> on_ready;
    /// Once; `reason` is one line for people: the worker's own last word, or how it ended.
    std::function<void(const std::string& reason)> on_end;
    std::function<void(std::string_view line)> on_line;  ///< Of standard output and standard error.
  };

  static std::shared_ptr<WorkerProcess> start(const boost::asio::any_io_executor& executor, WorkerSpec spec,
                                              Events events);
  WorkerProcess(const boost::asio::any_io_executor& executor, WorkerSpec spec, Events events);
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;
  ~WorkerProcess();

  State state() const noexcept { return state_; }
  int in_flight() const noexcept { return in_flight_; }
  /// 0 when it does not run.
  pid_t pid() const noexcept { return process_ && process_->is_running() ? process_->pid() : 0; }

  /// Errors: those of WorkerClient::send(). Precondition: it was ready.
  boost::asio::awaitable<Result<WorkerReply>> send(std::shared_ptr<const WorkerRequest> request,
                                                   CallLimits limits, PartSink sink);
  /// Lets running requests end, then ends the worker. The caller sends no more.
  void drain();
  void kill();

 private:
  void launch();
  void take_line(std::string_view line, bool is_output);
  void begin_probing(std::uint16_t port);
  boost::asio::awaitable<void> probe_until_ready();
  void end_if_idle();
  void fail_startup(const std::string& reason);
  void finish(const std::string& reason);

  const boost::asio::any_io_executor executor_;
  const WorkerSpec spec_;
  Events events_;
  boost::asio::steady_timer startup_timer_;
  boost::asio::steady_timer shutdown_timer_;
  std::shared_ptr<ChildProcess> process_;
  std::shared_ptr<WorkerClient> client_;
  State state_ = State::kStarting;
  int in_flight_ = 0;
  std::string last_word_;  ///< The last "epicrisis: …" line of standard error.
  std::string startup_failure_;
};

}  // namespace epicrisis::jobs
