#include "engine/machine_limits.hpp"

#include <algorithm>
#include <atomic>
#include <barrier>
#include <chrono>
#include <cstring>
#include <functional>
#include <thread>
#include <vector>

#include "base/check.hpp"
#include "engine/float_buffer.hpp"
#include "engine/kernels/limits.hpp"

namespace epicrisis {
namespace {

constexpr std::size_t kReadBytes = std::size_t{256} << 20;
constexpr std::size_t kPage = 4096;
constexpr int kPasses = 5;
constexpr int kRounds = 4'000'000;

using Clock = std::chrono::steady_clock;

// Calls work(thread) in each of `threads` threads, `kPasses` times, all beginning a pass together; returns
// the seconds of the shortest pass.
double best_pass(int threads, const std::function<void(int)>& work) {
  Clock::time_point start;
  double best = 0;
  int passes = 0;
  std::barrier before(threads, [&]() noexcept { start = Clock::now(); });
  std::barrier after(threads, [&]() noexcept {
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    best = passes++ == 0 ? seconds : std::min(best, seconds);
  });
  std::vector<std::jthread> others;
  const auto run = [&](int thread) {
    for (int pass = 0; pass < kPasses; ++pass) {
      before.arrive_and_wait();
      work(thread);
      after.arrive_and_wait();
    }
  };
  for (int thread = 1; thread < threads; ++thread) others.emplace_back(run, thread);
  run(0);
  others.clear();
  return best;
}

double measure_reading(int threads) {
  engine::FloatBuffer memory(kReadBytes / sizeof(float));
  std::memset(memory.data(), 1, kReadBytes);
  const std::span<const std::byte> bytes =
      std::as_bytes(std::span(memory.data(), kReadBytes / sizeof(float)));
  const std::size_t share = kReadBytes / static_cast<std::size_t>(threads) / kPage * kPage;
  std::atomic<std::uint64_t> sink{0};
  double best = 0;
  for (const std::ptrdiff_t prefetch : {0, 512, 2048, 8192}) {
    const double seconds = best_pass(threads, [&](int thread) {
      sink +=
          kernels::read_in_order(bytes.subspan(static_cast<std::size_t>(thread) * share, share), prefetch);
    });
    const double read = static_cast<double>(share) * threads;
    best = std::max(best, read / seconds);
  }
  EPICRISIS_CHECK(sink.load() != 0);
  return best;
}

double measure_multiplying(ComputeType type, int threads) {
  std::vector<double> operations(static_cast<std::size_t>(threads));
  std::atomic<std::uint64_t> sink{0};
  const double seconds = best_pass(threads, [&](int thread) {
    std::uint64_t part = 0;
    operations[static_cast<std::size_t>(thread)] = kernels::multiply_in_registers(type, kRounds, part);
    sink += part;
  });
  double total = 0;
  for (const double of_thread : operations) total += of_thread;
  return total / seconds;
}

}  // namespace

MachineLimits measure_machine_limits(ComputeType type, int threads) {
  return {measure_reading(threads), measure_multiplying(type, threads)};
}

}  // namespace epicrisis
