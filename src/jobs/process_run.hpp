#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string_view>

#include "base/result.hpp"
#include "jobs/child_process.hpp"
#include "jobs/control_loop.hpp"
#include "jobs/job_queue.hpp"

namespace epicrisis::jobs {

/// How a program that ran to its end came to it.
struct ProcessRun {
  enum class Cause { kItself, kStopped, kTimedOut, kServerEnds };
  Cause cause = Cause::kItself;  ///< Who wanted the end, whatever the exit status.
  ExitStatus status;
};

struct RunLimits {
  std::optional<std::chrono::steady_clock::time_point> deadline;
  std::chrono::milliseconds grace{std::chrono::seconds(120)};       ///< From SIGTERM to SIGKILL.
  std::chrono::milliseconds server_grace{std::chrono::seconds(5)};  ///< The same when the server ends.
};

/// Runs a program and waits for its end; `on_line` gets what it writes, on the loop's thread, with whether it
/// is standard error. Not from the loop's thread. Errors: those of ChildProcess::start().
Result<ProcessRun> run_to_end(ControlLoop& loop, const ProcessSpec& spec, const RunLimits& limits,
                              const JobStop& stop,
                              const std::function<void(std::string_view line, bool is_error)>& on_line);

}  // namespace epicrisis::jobs
