#pragma once

#include <cstddef>
#include <functional>
#include <thread>
#include <vector>

#include "base/bounded_queue.hpp"

namespace epicrisis::server {

/// Threads that work off a bounded queue, so that I/O threads never compute.
class ComputePool {
 public:
  ComputePool(std::size_t threads, std::size_t queue_capacity);
  ComputePool(const ComputePool&) = delete;
  ComputePool& operator=(const ComputePool&) = delete;
  /// stop().
  ~ComputePool();

  /// Runs `task` later on a thread of the pool. False, and nothing runs, when the queue is full or the pool
  /// stopped. What a task throws ends that task only and is logged.
  bool try_submit(std::function<void()> task);
  /// Finishes the queued tasks and joins the threads. Call it from outside the pool; again does nothing.
  void stop();

 private:
  void work();

  BoundedQueue<std::function<void()>> queue_;
  std::vector<std::jthread> threads_;
};

}  // namespace epicrisis::server
