#include "jobs/process_run.hpp"

#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <memory>
#include <mutex>
#include <utility>

namespace epicrisis::jobs {
namespace {

using Clock = std::chrono::steady_clock;
using Cause = ProcessRun::Cause;

/// What the waiting thread and the loop's thread share.
struct Shared {
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<ExitStatus> ended;  // guarded by mutex

  void wake() {
    const std::lock_guard lock(mutex);
    changed.notify_all();
  }
};

Cause cause_now(const RunLimits& limits, const JobStop& stop) {
  if (stop.server.stop_requested()) return Cause::kServerEnds;
  if (stop.user.stop_requested()) return Cause::kStopped;
  if (limits.deadline && Clock::now() >= *limits.deadline) return Cause::kTimedOut;
  return Cause::kItself;
}

void send_signal(ControlLoop& loop, const std::shared_ptr<ChildProcess>& process, int number) {
  loop.post([process, number] { process->send_signal(number); });
}

}  // namespace

Result<ProcessRun> run_to_end(ControlLoop& loop, const ProcessSpec& spec, const RunLimits& limits,
                              const JobStop& stop,
                              const std::function<void(std::string_view line, bool is_error)>& on_line) {
  const auto shared = std::make_shared<Shared>();
  ProcessEvents events;
  events.on_output = [on_line](std::string_view line) { on_line(line, false); };
  events.on_error = [on_line](std::string_view line) { on_line(line, true); };
  events.on_exit = [shared](const ExitStatus& status) {
    const std::lock_guard lock(shared->mutex);
    shared->ended = status;
    shared->changed.notify_all();
  };
  EPICRISIS_ASSIGN_OR_RETURN(const std::shared_ptr<ChildProcess> process, loop.call([&] {
    return ChildProcess::start(loop.executor(), spec, std::move(events));
  }));
  const std::function<void()> wake = [&shared] { shared->wake(); };
  const std::stop_callback on_user_stop(stop.user, wake);
  const std::stop_callback on_server_stop(stop.server, wake);

  ProcessRun run;
  std::optional<Clock::time_point> kill_at;
  std::unique_lock lock(shared->mutex);
  while (!shared->ended) {
    if (run.cause == Cause::kItself) {
      run.cause = cause_now(limits, stop);
      if (run.cause != Cause::kItself) {
        send_signal(loop, process, SIGTERM);
        kill_at = Clock::now() + (run.cause == Cause::kServerEnds ? limits.server_grace : limits.grace);
      }
    } else if (kill_at && stop.server.stop_requested()) {
      kill_at = std::min(*kill_at, Clock::now() + limits.server_grace);
    }
    if (kill_at && Clock::now() >= *kill_at) {
      send_signal(loop, process, SIGKILL);
      kill_at.reset();
    }
    const auto next = kill_at ? kill_at : run.cause == Cause::kItself ? limits.deadline : std::nullopt;
    if (next) {
      shared->changed.wait_until(lock, *next);
    } else {
      shared->changed.wait(lock);
    }
  }
  run.status = *shared->ended;
  return run;
}

}  // namespace epicrisis::jobs
