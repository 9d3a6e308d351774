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
#include <vector>

#include "jobs/worker_process.hpp"

namespace epicrisis::jobs {

struct PoolSpec {
  WorkerSpec worker;
  int instances = 1;
  std::chrono::milliseconds idle_unload{0};  ///< Workers end after so long without a request; 0: never.
  std::chrono::milliseconds first_backoff{
      100};  ///< Before the second restart in a row; it doubles from there.
  std::chrono::milliseconds max_backoff{std::chrono::seconds(30)};
  /// A worker that served for so long starts a new row of restarts when it crashes.
  std::chrono::milliseconds stable_after{std::chrono::seconds(30)};
};

/// The workers of one variant, all alike. A worker that crashes is restarted; the more often in a row, the
/// later. All calls on the executor's one thread. Alive while requests are under way.
class WorkerPool : public std::enable_shared_from_this<WorkerPool> {
 public:
  /// `on_line` gets what workers write; may be empty.
  WorkerPool(boost::asio::any_io_executor executor, PoolSpec spec,
             std::function<void(std::string_view)> on_line);
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;
  ~WorkerPool();

  /// Starts the workers. `settled` is called once: when all are ready, or with kUnavailable and the reason
  /// when one ended before it was; then all are killed and the pool is of no more use.
  void start(std::function<void(Result<void>)> settled);
  /// Changes the number of workers: more are started, `settled` as in start(), but a failure leaves those
  /// there are; fewer drain at once.
  void resize(int instances, std::function<void(Result<void>)> settled);
  /// Ends every worker once its requests are answered; `drained` is called when none is left. New requests
  /// are refused with kUnavailable.
  void drain(std::function<void()> drained = {});
  void kill();

  /// Sends to the least busy ready worker; where none is, waits for one that starts (which wakes an
  /// unloaded pool). Once the worker ended before a part was passed on, the request goes to another.
  /// Errors: those of WorkerClient::send().
  boost::asio::awaitable<Result<WorkerReply>> send(std::shared_ptr<const WorkerRequest> request,
                                                   CallLimits limits, PartSink sink = {});

  int wanted_instances() const noexcept { return spec_.instances; }
  int ready_instances() const noexcept;
  int in_flight() const noexcept { return in_flight_; }
  bool is_unloaded() const noexcept { return unloaded_; }
  /// Of the last request's end, or of the start.
  std::chrono::steady_clock::time_point last_used() const noexcept { return last_used_; }
  std::vector<pid_t> pids() const;

 private:
  struct Slot;
  void add_worker();
  int live_instances() const noexcept;
  void worker_ready();
  void worker_ended(const Slot* slot, const std::string& reason);
  void restart_later();
  void settle(Result<void> outcome);
  void notify_waiting();
  void wake();
  void arm_idle_timer();
  void unload_if_idle();
  void report_drained();
  /// Neither may be `suspect`, which broke off a request: its end is seen a little later.
  std::shared_ptr<WorkerProcess> least_busy(const WorkerProcess* suspect) const;
  boost::asio::awaitable<std::shared_ptr<WorkerProcess>> ready_worker(CallLimits limits,
                                                                      std::shared_ptr<WorkerProcess> suspect);

  const boost::asio::any_io_executor executor_;
  PoolSpec spec_;
  const std::function<void(std::string_view)> on_line_;
  std::vector<std::shared_ptr<Slot>> slots_;
  std::function<void(Result<void>)> settled_;
  std::function<void()> drained_;
  std::vector<boost::asio::steady_timer*> waiting_;  ///< One a request that waits for a worker.
  boost::asio::steady_timer restart_timer_;
  boost::asio::steady_timer idle_timer_;
  bool starting_ = false;  ///< Between start() and its settling: one failure ends the pool.
  std::size_t turn_ = 0;   ///< Where to look first among equally busy workers.
  int in_flight_ = 0;
  int failures_in_a_row_ = 0;
  int restarts_due_ = 0;
  bool closed_ = false;
  bool unloaded_ = false;
  std::chrono::steady_clock::time_point last_used_ = std::chrono::steady_clock::now();
};

}  // namespace epicrisis::jobs
