#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

namespace epicrisis::engine {

/// A fixed set of threads that share out numbered tasks, for loops of a few microseconds to milliseconds.
///
/// The caller works too and returns when every task is done, without waiting for threads that never woke up:
/// on a loaded machine a late thread costs nothing. When another caller holds the team, run() does its tasks
/// alone, so sessions of several threads never wait for each other. Threads start with the first run() that
/// shares work, spin shortly between runs and then sleep.
class ThreadTeam {
 public:
  /// `threads` includes the caller; at least one.
  explicit ThreadTeam(int threads);
  ~ThreadTeam();
  ThreadTeam(const ThreadTeam&) = delete;
  ThreadTeam& operator=(const ThreadTeam&) = delete;

  /// Workers are numbered [0, size()): one scratch area each is enough.
  int size() const noexcept { return size_; }

  /// Fewer operations than this are not worth waking a thread for: some three microseconds of work.
  static constexpr std::int64_t kSharedOperations = 100'000;

  /// Calls work(task, worker) once for each task in [0, tasks), in any order; `work` does not throw.
  /// `operations`: multiplications of all tasks together, roughly. No two tasks that run at once have the
  /// same worker number.
  template <class Work>
  void run(int tasks, std::int64_t operations, const Work& work) {
    static_assert(std::is_nothrow_invocable_v<const Work&, int, int>, "tasks must not throw");
    if (tasks <= 1 || size_ == 1 || operations < kSharedOperations || !mutex_.try_lock()) {
      for (int task = 0; task < tasks; ++task) work(task, 0);
      return;
    }
    const std::lock_guard lock(mutex_, std::adopt_lock);
    run_shared(
        tasks,
        [](const void* context, int task, int worker) { (*static_cast<const Work*>(context))(task, worker); },
        &work);
  }

 private:
  using Call = void (*)(const void* context, int task, int worker);

  void run_shared(int tasks, Call call, const void* context);
  void start();
  void serve(int worker);
  void take_tasks(int worker);

  const int size_;
  std::mutex mutex_;                  // held by the one caller whose tasks are being shared out
  std::vector<std::thread> threads_;  // guarded by mutex_
  bool started_ = false;              // guarded by mutex_
  Call call_ = nullptr;               // written before ticket_, read after it
  const void* context_ = nullptr;     // likewise
  /// Tasks of the current run in the upper half, the next one to be taken in the lower.
  alignas(64) std::atomic<std::uint64_t> ticket_{0};
  alignas(64) std::atomic<int> unfinished_{0};
  alignas(64) std::atomic<std::uint32_t> generation_{0};  ///< Counts runs; threads sleep on it.
  std::atomic<bool> stopping_{false};
};

/// Calls work(row) for each of `rows` rows, `rows_per_task` of them a task; `operations`: of all together.
template <class Work>
void for_each_row(ThreadTeam& team, int rows, int rows_per_task, std::int64_t operations, const Work& work) {
  team.run((rows + rows_per_task - 1) / rows_per_task, operations, [&](int task, int) noexcept {
    const int end = std::min(rows, (task + 1) * rows_per_task);
    for (int row = task * rows_per_task; row < end; ++row) work(row);
  });
}

}  // namespace epicrisis::engine
