#include "jobs/control_loop.hpp"

#include "base/log.hpp"

namespace epicrisis::jobs {

ControlLoop::ControlLoop(std::size_t blocking_threads)
    : work_(io_.get_executor()), blocking_(blocking_threads), thread_([this] {
        while (!io_.stopped()) {
          try {
            io_.run();
          } catch (...) {  // what() may hold text
            log::error("jobs.handler_failed");
          }
        }
      }) {}

ControlLoop::~ControlLoop() { stop(); }

void ControlLoop::stop() {
  blocking_.join();
  io_.stop();
  if (thread_.joinable()) thread_.join();
}

}  // namespace epicrisis::jobs
