#include "jobs/job_queue.hpp"

#include <chrono>
#include <utility>

#include "base/log.hpp"

namespace epicrisis::jobs {

namespace {
/// How often a full machine is looked at again; jobs that end wake the queue at once.
constexpr std::chrono::seconds kLookAgain{2};
}  // namespace

JobQueue::JobQueue(std::size_t at_once, std::function<bool()> has_room) : has_room_(std::move(has_room)) {
  for (std::size_t i = 0; i < at_once; ++i) threads_.emplace_back([this] { work(); });
}

JobQueue::~JobQueue() { stop(); }

void JobQueue::submit(std::string name, Work work) {
  const std::lock_guard lock(mutex_);
  if (closed_) return;
  Job job{std::move(name), std::move(work), {}};
  live_[job.name] = job.stop;
  waiting_.push_back(std::move(job));
  changed_.notify_all();
}

void JobQueue::request_stop(const std::string& name) {
  std::stop_source stop(std::nostopstate);
  {
    const std::lock_guard lock(mutex_);
    const auto found = live_.find(name);
    if (found == live_.end()) return;
    stop = found->second;
  }
  stop.request_stop();  // outside the lock: it runs callbacks
  changed_.notify_all();
}

void JobQueue::stop() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    waiting_.clear();
  }
  ending_.request_stop();
  changed_.notify_all();
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

/// With mutex_ held. A job that was stopped needs no room to end.
bool JobQueue::may_start() const {
  if (waiting_.empty()) return false;
  return running_ == 0 || waiting_.front().stop.stop_requested() || has_room_();
}

void JobQueue::work() {
  std::unique_lock lock(mutex_);
  while (!closed_) {
    if (!may_start()) {
      changed_.wait_for(lock, kLookAgain);
      continue;
    }
    const Job job = std::move(waiting_.front());
    waiting_.pop_front();
    ++running_;
    lock.unlock();
    try {
      job.work({job.stop.get_token(), ending_.get_token()});
    } catch (...) {  // the boundary of a job; what() may hold text
      log::error("jobs.job_failed", {{"job", log::Word(job.name)}});
    }
    lock.lock();
    --running_;
    live_.erase(job.name);
    changed_.notify_all();
  }
}

}  // namespace epicrisis::jobs
