#include "jobs/worker_pool.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "base/log.hpp"

namespace epicrisis::jobs {
namespace net = boost::asio;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

namespace {

constexpr auto kAwait = net::as_tuple(net::use_awaitable);
/// So many crashes in a row, and requests are refused rather than kept waiting for the next restart.
constexpr int kHopeless = 3;
/// A connection breaks before the process is seen to have ended; for so long it is not asked again.
constexpr milliseconds kSuspicion{1000};

Error no_worker() { return {ErrorCode::kUnavailable, "No worker of this variant runs.", ""}; }

}  // namespace

struct WorkerPool::Slot {
  std::shared_ptr<WorkerProcess> process;
  Clock::time_point ready_at{};
  bool was_ready = false;
  bool dismissed = false;  ///< Ends because it is not needed any more.
};

WorkerPool::WorkerPool(net::any_io_executor executor, PoolSpec spec,
                       std::function<void(std::string_view)> on_line)
    : executor_(std::move(executor)),
      spec_(std::move(spec)),
      on_line_(std::move(on_line)),
      restart_timer_(executor_),
      idle_timer_(executor_) {}

WorkerPool::~WorkerPool() = default;

void WorkerPool::start(std::function<void(Result<void>)> settled) {
  settled_ = std::move(settled);
  starting_ = true;
  for (int i = 0; i < spec_.instances; ++i) add_worker();
  if (spec_.instances == 0) settle({});
}

void WorkerPool::resize(int instances, std::function<void(Result<void>)> settled) {
  spec_.instances = instances;
  settled_ = std::move(settled);
  int live = live_instances();
  for (auto slot = slots_.rbegin(); slot != slots_.rend() && live > instances; ++slot) {
    if (std::exchange((*slot)->dismissed, true)) continue;
    (*slot)->process->drain();
    --live;
  }
  if (!unloaded_) {
    for (; live < instances; ++live) add_worker();
  }
  worker_ready();
}

void WorkerPool::add_worker() {
  auto slot = std::make_shared<Slot>();
  slots_.push_back(slot);
  const std::weak_ptr<WorkerPool> weak = weak_from_this();
  WorkerProcess::Events events;
  events.on_line = on_line_;
  events.on_ready = [weak, slot = slot.get()] {
    const auto self = weak.lock();
    if (!self) return;
    slot->was_ready = true;
    slot->ready_at = Clock::now();
    self->worker_ready();
  };
  events.on_end = [weak, slot = slot.get()](const std::string& reason) {
    if (const auto self = weak.lock()) self->worker_ended(slot, reason);
  };
  slot->process = WorkerProcess::start(executor_, spec_.worker, std::move(events));
}

int WorkerPool::ready_instances() const noexcept {
  return static_cast<int>(std::count_if(slots_.begin(), slots_.end(), [](const auto& slot) {
    return slot->process->state() == WorkerProcess::State::kReady;
  }));
}

int WorkerPool::live_instances() const noexcept {
  return static_cast<int>(
      std::count_if(slots_.begin(), slots_.end(), [](const auto& slot) { return !slot->dismissed; }));
}

std::vector<pid_t> WorkerPool::pids() const {
  std::vector<pid_t> pids;
  for (const auto& slot : slots_) {
    if (const pid_t pid = slot->process->pid(); pid != 0) pids.push_back(pid);
  }
  return pids;
}

void WorkerPool::worker_ready() {
  notify_waiting();
  if (unloaded_ || ready_instances() >= spec_.instances) settle({});
}

void WorkerPool::worker_ended(const Slot* slot, const std::string& reason) {
  const auto found = std::find_if(slots_.begin(), slots_.end(),
                                  [slot](const auto& candidate) { return candidate.get() == slot; });
  if (found == slots_.end()) return;
  const std::shared_ptr<Slot> ended = *found;
  slots_.erase(found);
  if (closed_) return report_drained();
  if (ended->dismissed) return;
  if (!ended->was_ready && settled_) {
    if (starting_) kill();
    spec_.instances = live_instances();
    return settle(Error{ErrorCode::kUnavailable, reason, ""});
  }
  log::warning("worker.crashed", {{"ready", ended->was_ready}, {"in_a_row", failures_in_a_row_ + 1}});
  if (ended->was_ready && Clock::now() - ended->ready_at >= spec_.stable_after) failures_in_a_row_ = 0;
  ++failures_in_a_row_;
  restart_later();
  if (failures_in_a_row_ >= kHopeless) notify_waiting();
}

/// The first crash is made good at once.
void WorkerPool::restart_later() {
  if (++restarts_due_ > 1) return;
  milliseconds pause{0};
  if (failures_in_a_row_ > 1) {
    const int doublings = std::min(failures_in_a_row_ - 2, 20);
    pause = std::min(spec_.first_backoff * (1 << doublings), spec_.max_backoff);
  }
  restart_timer_.expires_after(pause);
  restart_timer_.async_wait([weak = weak_from_this()](boost::system::error_code failure) {
    const auto self = weak.lock();
    if (failure || !self || self->closed_) return;
    for (int due = std::exchange(self->restarts_due_, 0); due > 0 && !self->unloaded_; --due) {
      self->add_worker();
    }
  });
}

void WorkerPool::settle(Result<void> outcome) {
  starting_ = false;
  if (outcome) arm_idle_timer();
  if (settled_) std::exchange(settled_, nullptr)(std::move(outcome));
}

void WorkerPool::notify_waiting() {
  for (net::steady_timer* timer : waiting_) timer->cancel();
}

// --- the end of workers ----------------------------------------------------------------------------------

void WorkerPool::drain(std::function<void()> drained) {
  closed_ = true;
  drained_ = std::move(drained);
  restart_timer_.cancel();
  idle_timer_.cancel();
  notify_waiting();
  for (const auto& slot : slots_) slot->process->drain();
  report_drained();
}

void WorkerPool::kill() {
  closed_ = true;
  restart_timer_.cancel();
  idle_timer_.cancel();
  notify_waiting();
  for (const auto& slot : slots_) slot->process->kill();
}

void WorkerPool::report_drained() {
  if (slots_.empty() && drained_) std::exchange(drained_, nullptr)();
}

// --- idle unload -----------------------------------------------------------------------------------------

void WorkerPool::arm_idle_timer() {
  if (spec_.idle_unload.count() == 0 || closed_) return;
  idle_timer_.expires_at(last_used_ + spec_.idle_unload);
  idle_timer_.async_wait([weak = weak_from_this()](boost::system::error_code failure) {
    if (const auto self = weak.lock(); self && !failure) self->unload_if_idle();
  });
}

void WorkerPool::unload_if_idle() {
  if (in_flight_ > 0) last_used_ = Clock::now();
  if (Clock::now() - last_used_ < spec_.idle_unload) return arm_idle_timer();
  unloaded_ = true;
  for (const auto& slot : slots_) {
    slot->dismissed = true;
    slot->process->drain();
  }
}

void WorkerPool::wake() {
  if (!std::exchange(unloaded_, false)) return;
  restarts_due_ = 0;
  restart_timer_.cancel();
  for (int i = 0; i < spec_.instances; ++i) add_worker();
  last_used_ = Clock::now();
  arm_idle_timer();
}

// --- requests --------------------------------------------------------------------------------------------

std::shared_ptr<WorkerProcess> WorkerPool::least_busy(const WorkerProcess* suspect) const {
  std::shared_ptr<WorkerProcess> best;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    const auto& process = slots_[(turn_ + i) % slots_.size()]->process;
    if (process->state() != WorkerProcess::State::kReady || process.get() == suspect) continue;
    if (!best || process->in_flight() < best->in_flight()) best = process;
  }
  return best;
}

net::awaitable<std::shared_ptr<WorkerProcess>> WorkerPool::ready_worker(
    CallLimits limits, std::shared_ptr<WorkerProcess> suspect) {
  wake();
  const Clock::time_point cleared_at = Clock::now() + kSuspicion;
  while (!closed_ && !limits.stop.stop_requested()) {
    ++turn_;
    if (suspect && Clock::now() >= cleared_at) suspect = nullptr;
    if (auto worker = least_busy(suspect.get())) co_return worker;
    if (failures_in_a_row_ >= kHopeless || Clock::now() >= limits.deadline) break;
    auto timer = std::make_shared<net::steady_timer>(
        executor_, suspect ? std::min(limits.deadline, cleared_at) : limits.deadline);
    const std::function<void()> leave = [executor = executor_, weak = std::weak_ptr(timer)] {
      net::post(executor, [weak] {
        if (const auto alive = weak.lock()) alive->cancel();
      });
    };
    const std::stop_callback leaving(limits.stop, leave);
    waiting_.push_back(timer.get());
    co_await timer->async_wait(kAwait);
    std::erase(waiting_, timer.get());
  }
  co_return nullptr;
}

net::awaitable<Result<WorkerReply>> WorkerPool::send(std::shared_ptr<const WorkerRequest> request,
                                                     CallLimits limits, PartSink sink) {
  const auto self = shared_from_this();
  bool passed_on = false;
  PartSink watched;
  if (sink) {
    watched = [&passed_on, &sink](const WorkerReply& head, std::string_view part) {
      passed_on = true;
      return sink(head, part);
    };
  }
  ++in_flight_;
  Result<WorkerReply> reply = no_worker();
  std::shared_ptr<WorkerProcess> worker;
  for (int attempt = 0; attempt < 2; ++attempt) {
    worker = co_await ready_worker(limits, worker);
    if (!worker) break;
    reply = co_await worker->send(request, limits, watched);
    const bool lost = !reply && reply.error().code == ErrorCode::kUnavailable;
    if (!lost || passed_on) break;
  }
  --in_flight_;
  last_used_ = Clock::now();
  if (!reply && limits.stop.stop_requested()) co_return Error{ErrorCode::kCancelled, "The client left.", ""};
  co_return reply;
}

}  // namespace epicrisis::jobs
