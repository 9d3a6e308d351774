#include "server/compute_pool.hpp"

#include <utility>

#include "base/log.hpp"

namespace epicrisis::server {

ComputePool::ComputePool(std::size_t threads, std::size_t queue_capacity) : queue_(queue_capacity) {
  for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

ComputePool::~ComputePool() { stop(); }

bool ComputePool::try_submit(std::function<void()> task) { return queue_.try_push(std::move(task)); }

void ComputePool::stop() {
  queue_.close();
  threads_.clear();  // joins
}

void ComputePool::work() {
  while (std::optional<std::function<void()>> task = queue_.pop()) {
    try {
      (*task)();
    } catch (...) {  // what() may quote the request; its Responder answers 500
      log::error("compute.task_failed");
    }
  }
}

}  // namespace epicrisis::server
