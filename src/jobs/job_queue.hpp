#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace epicrisis::jobs {

/// Why a job's work should end.
struct JobStop {
  std::stop_token user;    ///< Its user stopped it.
  std::stop_token server;  ///< The server ends: leave all as it is, the work goes on after the next start.
};

/// Runs jobs on threads of its own, so many at once, in order of arrival. Thread-safe.
class JobQueue {
 public:
  using Work = std::function<void(const JobStop& stop)>;

  /// `has_room` is asked before a job starts beside others; a lone job always may.
  JobQueue(std::size_t at_once, std::function<bool()> has_room);
  JobQueue(const JobQueue&) = delete;
  JobQueue& operator=(const JobQueue&) = delete;
  /// stop().
  ~JobQueue();

  void submit(std::string name, Work work);
  /// Requests that a job waiting or running ends; its work sees it.
  void request_stop(const std::string& name);
  /// Ends everything and joins the threads; again does nothing.
  void stop();

 private:
  struct Job {
    std::string name;
    Work work;
    std::stop_source stop;
  };
  void work();
  bool may_start() const;

  const std::function<bool()> has_room_;
  std::stop_source ending_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> waiting_;                       // guarded by mutex_
  std::map<std::string, std::stop_source> live_;  // guarded by mutex_; waiting and running
  std::size_t running_ = 0;                       // guarded by mutex_
  bool closed_ = false;                           // guarded by mutex_
  std::vector<std::thread> threads_;
};

}  // namespace epicrisis::jobs
