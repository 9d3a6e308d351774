#include "engine/thread_team.hpp"

#include <chrono>
#include <system_error>

#include "base/check.hpp"
#include "base/log.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace epicrisis::engine {
namespace {

// Long enough to bridge the serial part between two products of a decode step, short enough that an idle
// engine leaves the processor to others.
constexpr auto kSpinTime = std::chrono::microseconds(30);

void relax() noexcept {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

}  // namespace

ThreadTeam::ThreadTeam(int threads) : size_(threads) { EPICRISIS_CHECK(threads >= 1); }

ThreadTeam::~ThreadTeam() {
  stopping_.store(true);
  generation_.fetch_add(1);
  generation_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void ThreadTeam::start() {
  started_ = true;
  threads_.reserve(static_cast<std::size_t>(size_ - 1));
  try {
    for (int worker = 1; worker < size_; ++worker) threads_.emplace_back([this, worker] { serve(worker); });
  } catch (const std::system_error&) {
    // The process may have no more threads. Those that run take all tasks, with the same results.
    log::warning("engine.threads_missing", {{"wanted", size_}, {"running", threads_.size() + 1}});
  }
}

void ThreadTeam::run_shared(int tasks, Call call, const void* context) {
  if (!started_) start();
  call_ = call;
  context_ = context;
  unfinished_.store(tasks, std::memory_order_relaxed);
  // A thread late from the last run may still take a ticket: either an exhausted one, or a task of this run,
  // whose call_ and context_ the release makes visible to it.
  ticket_.store(static_cast<std::uint64_t>(tasks) << 32, std::memory_order_release);
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
  take_tasks(0);
  int spins = 0;
  while (unfinished_.load(std::memory_order_acquire) > 0) {
    relax();
    // A thread that took a task and lost its processor needs ours more than we do.
    if (++spins > 2000) std::this_thread::yield();
  }
}

void ThreadTeam::take_tasks(int worker) {
  for (;;) {
    const std::uint64_t ticket = ticket_.fetch_add(1, std::memory_order_acq_rel);
    const auto task = static_cast<std::uint32_t>(ticket);
    if (task >= static_cast<std::uint32_t>(ticket >> 32)) return;
    call_(context_, static_cast<int>(task), worker);
    unfinished_.fetch_sub(1, std::memory_order_release);
  }
}

void ThreadTeam::serve(int worker) {
  std::uint32_t seen = 0;
  for (;;) {
    auto deadline = std::chrono::steady_clock::now() + kSpinTime;
    std::uint32_t current = generation_.load(std::memory_order_acquire);
    while (current == seen && std::chrono::steady_clock::now() < deadline) {
      for (int i = 0; i < 32; ++i) relax();
      current = generation_.load(std::memory_order_acquire);
    }
    while (current == seen) {
      generation_.wait(seen, std::memory_order_acquire);
      current = generation_.load(std::memory_order_acquire);
    }
    seen = current;
    if (stopping_.load()) return;
    take_tasks(worker);
  }
}

}  // namespace epicrisis::engine
