#include "jobs/worker_process.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>
#include <csignal>
#include <exception>

#include "base/log.hpp"

namespace epicrisis::jobs {
namespace net = boost::asio;
using std::chrono::milliseconds;

namespace {

constexpr auto kAwait = net::as_tuple(net::use_awaitable);
constexpr std::string_view kAnnouncement = "listening on http://127.0.0.1:";
constexpr std::string_view kErrorPrefix = "epicrisis: ";
constexpr milliseconds kPingTimeout{2000};

}  // namespace

std::shared_ptr<WorkerProcess> WorkerProcess::start(const net::any_io_executor& executor, WorkerSpec spec,
                                                    Events events) {
  auto worker = std::make_shared<WorkerProcess>(executor, std::move(spec), std::move(events));
  worker->launch();
  return worker;
}

WorkerProcess::WorkerProcess(const net::any_io_executor& executor, WorkerSpec spec, Events events)
    : executor_(executor),
      spec_(std::move(spec)),
      events_(std::move(events)),
      startup_timer_(executor),
      shutdown_timer_(executor) {}

WorkerProcess::~WorkerProcess() {
  if (process_) process_->send_signal(SIGKILL);
}

void WorkerProcess::launch() {
  const std::weak_ptr<WorkerProcess> weak = weak_from_this();
  ProcessEvents events;
  events.on_output = [weak](std::string_view line) {
    if (const auto self = weak.lock()) self->take_line(line, true);
  };
  events.on_error = [weak](std::string_view line) {
    if (const auto self = weak.lock()) self->take_line(line, false);
  };
  events.on_exit = [weak](const ExitStatus& status) {
    if (const auto self = weak.lock()) self->finish(status.to_string());
  };
  const ProcessSpec spec{spec_.command, spec_.environment, {}};
  Result<std::shared_ptr<ChildProcess>> started = ChildProcess::start(executor_, spec, std::move(events));
  if (!started) {
    net::post(executor_, [weak, reason = started.error().to_line()] {
      if (const auto self = weak.lock()) self->finish(reason);
    });
    return;
  }
  process_ = std::move(*started);
  startup_timer_.expires_after(spec_.startup_timeout);
  startup_timer_.async_wait([weak](boost::system::error_code failure) {
    const auto self = weak.lock();
    if (!failure && self) self->fail_startup("it did not answer /ping with 200 in the time allowed");
  });
}

void WorkerProcess::take_line(std::string_view line, bool is_output) {
  if (!is_output && line.starts_with(kErrorPrefix)) last_word_ = line.substr(kErrorPrefix.size());
  if (events_.on_line) events_.on_line(line);
  if (!is_output || client_ || !line.starts_with(kAnnouncement)) return;
  line.remove_prefix(kAnnouncement.size());
  std::uint16_t port = 0;
  std::from_chars(line.data(), line.data() + line.size(), port);
  if (port != 0) begin_probing(port);
}

void WorkerProcess::begin_probing(std::uint16_t port) {
  client_ = std::make_shared<WorkerClient>(executor_, port);
  net::co_spawn(executor_, probe_until_ready(), [](std::exception_ptr failure) {
    if (failure) log::error("worker.probe_failed");
  });
}

/// The worker's own answer makes it ready; the pause only says how often it is asked.
net::awaitable<void> WorkerProcess::probe_until_ready() {
  const auto self = shared_from_this();
  const auto ping = std::make_shared<WorkerRequest>();
  ping->method = "GET";
  ping->target = "/ping";
  milliseconds pause{5};
  while (state_ == State::kStarting) {
    const CallLimits limits{std::chrono::steady_clock::now() + kPingTimeout};
    const Result<WorkerReply> reply = co_await client_->send(ping, limits);
    if (state_ != State::kStarting) break;
    if (reply && reply->status == 200) {
      startup_timer_.cancel();
      state_ = State::kReady;
      if (events_.on_ready) events_.on_ready();
      break;
    }
    net::steady_timer timer(executor_, pause);
    co_await timer.async_wait(kAwait);
    pause = std::min(pause * 2, milliseconds(200));
  }
}

net::awaitable<Result<WorkerReply>> WorkerProcess::send(std::shared_ptr<const WorkerRequest> request,
                                                        CallLimits limits, PartSink sink) {
  const auto self = shared_from_this();
  ++in_flight_;
  Result<WorkerReply> reply = co_await client_->send(std::move(request), std::move(limits), std::move(sink));
  --in_flight_;
  if (state_ == State::kDraining) end_if_idle();
  co_return reply;
}

void WorkerProcess::drain() {
  if (state_ == State::kEnded || state_ == State::kDraining) return;
  state_ = State::kDraining;
  startup_timer_.cancel();
  end_if_idle();
}

/// SIGTERM lets a worker finish what it has, so requests that arrived are safe also if it comes early.
void WorkerProcess::end_if_idle() {
  if (in_flight_ > 0 || !process_) return;
  if (client_) client_->close_idle();
  process_->send_signal(SIGTERM);
  shutdown_timer_.expires_after(spec_.shutdown_timeout);
  shutdown_timer_.async_wait([weak = weak_from_this()](boost::system::error_code failure) {
    if (const auto self = weak.lock(); self && !failure) self->kill();
  });
}

void WorkerProcess::fail_startup(const std::string& reason) {
  startup_failure_ = reason;
  kill();
}

void WorkerProcess::kill() {
  if (process_) process_->send_signal(SIGKILL);
}

void WorkerProcess::finish(const std::string& reason) {
  if (state_ == State::kEnded) return;
  state_ = State::kEnded;
  startup_timer_.cancel();
  shutdown_timer_.cancel();
  if (client_) client_->close_idle();
  std::string why = startup_failure_;
  if (why.empty()) why = last_word_.empty() ? "it ended with " + reason : last_word_;
  if (events_.on_end) std::exchange(events_.on_end, nullptr)(why);
}

}  // namespace epicrisis::jobs
