#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"

namespace epicrisis {

/// What a process that launch_processes() started exits with when another one is gone: that one's end is what
/// is told.
constexpr int kLostContactExit = 75;  // EX_TEMPFAIL

/// Starts `count` times this program with `arguments`, each at its own rank (train/distributed/
/// process_place.hpp), meeting in a private folder and talking over loopback, and waits for all. SIGINT and
/// SIGTERM are passed on. Rank 0 owns standard output and error; of the others only the message of a failure
/// of their own is shown. When one fails the rest is ended, and one line says which. Returns the exit code.
int launch_processes(int count, const std::vector<std::string>& arguments);

}  // namespace epicrisis
