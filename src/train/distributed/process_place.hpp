#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/result.hpp"

namespace epicrisis::train {

/// One process among those that train one model together, and where they meet.
struct ProcessPlace {
  int rank = 0;  ///< In [0, size); 0 writes checkpoints and metrics.
  int size = 1;
  int local_rank = 0;  ///< Among those of this machine: the number of its device.
  int local_size = 1;
  std::string host;  ///< Of rank 0, as the others reach it.
  std::uint16_t port = 0;
  /// Processes of one machine meet in this file instead of at a port; its folder is theirs alone.
  std::filesystem::path meeting_file;
};

/// Name of the variable that holds meeting_file.
constexpr const char* kMeetingFileVariable = "EPICRISIS_MEETING_FILE";

/// The place that the environment names, as torchrun sets it: RANK, WORLD_SIZE, LOCAL_RANK, LOCAL_WORLD_SIZE,
/// and MASTER_ADDR with MASTER_PORT, or kMeetingFileVariable. A process alone where RANK and WORLD_SIZE are
/// not set. Errors: kInvalidArgument naming a variable that is missing or is no such number.
Result<ProcessPlace> process_place_from_environment();

}  // namespace epicrisis::train
