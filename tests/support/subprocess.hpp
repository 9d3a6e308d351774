#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace epicrisis::testing {

struct ProcessOptions {
  /// What it reads from standard input.
  std::string input = {};
  /// Standard output goes to this file instead ("/dev/full").
  std::optional<std::filesystem::path> output_file = {};
  /// Empty: this process's own.
  std::filesystem::path working_directory = {};
  /// Added to this process's own.
  std::vector<std::pair<std::string, std::string>> environment = {};
  std::chrono::milliseconds timeout = std::chrono::seconds(60);
};

struct ProcessOutcome {
  int exit_code = -1;  ///< 128 + signal when a signal ended it, as a shell says it.
  bool timed_out = false;
  std::string output;  ///< Standard output.
  std::string errors;  ///< Standard error.
};

/// A program running beside the test. Output collects in memory, so it never blocks on a full pipe. The
/// destructor kills what still runs. Throws std::system_error when the program cannot be started.
class Subprocess {
 public:
  /// `command` is the program's path and its arguments.
  explicit Subprocess(const std::vector<std::string>& command, const ProcessOptions& options = {});
  Subprocess(const Subprocess&) = delete;
  Subprocess& operator=(const Subprocess&) = delete;
  ~Subprocess();

  pid_t pid() const noexcept { return pid_; }
  void send_signal(int signal) const;
  /// What it wrote so far.
  std::string output() const;
  std::string errors() const;
  /// Waits for its end, or kills it at `timeout`.
  ProcessOutcome wait(std::chrono::milliseconds timeout);

 private:
  bool try_wait();

  pid_t pid_ = -1;
  bool ended_ = false;
  int status_ = 0;
  int output_ = -1;
  int errors_ = -1;
};

/// Runs a program to its end.
ProcessOutcome run_process(const std::vector<std::string>& command, const ProcessOptions& options = {});

}  // namespace epicrisis::testing
