#pragma once

#include <sys/types.h>

#include <boost/asio/any_io_executor.hpp>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace epicrisis::jobs {

/// How a process ended.
struct ExitStatus {
  int code = 0;    ///< Exit code, when no signal ended it.
  int signal = 0;  ///< The signal that ended it; 0: none.

  bool is_success() const noexcept { return code == 0 && signal == 0; }
  /// "exit code 1" or "signal 9 (Killed)".
  std::string to_string() const;
};

struct ProcessSpec {
  std::vector<std::string> command;                              ///< Path of the program and its arguments.
  std::vector<std::pair<std::string, std::string>> environment;  ///< The whole of it: nothing is inherited.
  std::filesystem::path working_directory;                       ///< Empty: this process's own.
};

/// What is told about a process, on the executor it was started with.
struct ProcessEvents {
  std::function<void(std::string_view line)> on_output;  ///< A line of standard output.
  std::function<void(std::string_view line)> on_error;   ///< A line of standard error.
  /// Once, after the last line, when the process was reaped.
  std::function<void(ExitStatus)> on_exit;
};

/// A child process in a process group of its own, reaped through its pidfd (pidfd_open(2)): no SIGCHLD, no
/// zombie. It dies with this process (PR_SET_PDEATHSIG), which Linux ties to the thread that called start():
/// call it on a thread that lives as long as the program. It inherits no open file but its two pipes.
/// Not thread-safe; all calls on the executor. Alive as long as it runs, even without an owner.
class ChildProcess : public std::enable_shared_from_this<ChildProcess> {
 public:
  /// Errors: kNotFound, kPermissionDenied and others as execve(2) says; kResourceExhausted.
  static Result<std::shared_ptr<ChildProcess>> start(const boost::asio::any_io_executor& executor,
                                                     const ProcessSpec& spec, ProcessEvents events);
  virtual ~ChildProcess() = default;

  pid_t pid() const noexcept { return pid_; }
  bool is_running() const noexcept { return running_; }
  /// To the whole process group; nothing once the process was reaped.
  void send_signal(int number) const;

 protected:
  explicit ChildProcess(pid_t pid) : pid_(pid) {}
  pid_t pid_;
  bool running_ = true;
};

}  // namespace epicrisis::jobs
