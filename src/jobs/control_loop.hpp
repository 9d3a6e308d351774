#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <future>
#include <thread>
#include <type_traits>
#include <utility>

namespace epicrisis::jobs {

/// The thread that owns all processes and their states, and a pool for calls that block (files, archives,
/// databases). Child processes die with that thread, so it lives as long as the program needs them.
class ControlLoop {
 public:
  explicit ControlLoop(std::size_t blocking_threads);
  ControlLoop(const ControlLoop&) = delete;
  ControlLoop& operator=(const ControlLoop&) = delete;
  /// stop().
  ~ControlLoop();

  boost::asio::any_io_executor executor() { return io_.get_executor(); }
  /// Runs `work` on the loop's thread.
  template <class Work>
  void post(Work work) {
    boost::asio::post(io_, std::move(work));
  }
  /// Runs `work` on the loop's thread and waits for its value; not from that thread.
  template <class Work>
  auto call(Work work) {
    std::packaged_task<std::invoke_result_t<Work&>()> task(std::move(work));
    auto value = task.get_future();
    boost::asio::post(io_, std::move(task));
    return value.get();
  }
  /// Runs `work` on the blocking pool.
  template <class Work>
  void post_blocking(Work work) {
    boost::asio::post(blocking_, std::move(work));
  }
  /// Lets blocking calls end, then ends the loop; waiting work is dropped.
  void stop();

 private:
  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  boost::asio::thread_pool blocking_;
  std::thread thread_;
};

}  // namespace epicrisis::jobs
