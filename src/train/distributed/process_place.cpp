#include "train/distributed/process_place.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cstdlib>
#include <string_view>

namespace epicrisis::train {
namespace {

constexpr int kMaxProcesses = 65536;
constexpr int kMaxPort = 65535;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

Result<int> number(const char* name, const std::string& fallback, int least, int most) {
  std::string text = variable(name);
  if (text.empty()) text = fallback;
  int value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec == std::errc() && parsed.ptr == text.data() + text.size() && value >= least && value <= most)
    return value;
  return Error{
      ErrorCode::kInvalidArgument,
      fmt::format("The environment variable {} must be a number from {} to {} when several processes "
                  "train together; start them with torchrun or --nproc.",
                  name, least, most),
      text.empty() ? "it is not set" : fmt::format("it is '{}'", text)};
}

}  // namespace

Result<ProcessPlace> process_place_from_environment() {
  ProcessPlace place;
  if (variable("RANK").empty() && variable("WORLD_SIZE").empty()) return place;
  EPICRISIS_ASSIGN_OR_RETURN(place.size, number("WORLD_SIZE", "", 1, kMaxProcesses));
  EPICRISIS_ASSIGN_OR_RETURN(place.rank, number("RANK", "", 0, place.size - 1));
  if (place.size == 1) return place;
  EPICRISIS_ASSIGN_OR_RETURN(place.local_size, number("LOCAL_WORLD_SIZE", "1", 1, place.size));
  EPICRISIS_ASSIGN_OR_RETURN(place.local_rank, number("LOCAL_RANK", "0", 0, place.size - 1));
  place.meeting_file = variable(kMeetingFileVariable);
  if (!place.meeting_file.empty()) return place;
  place.host = variable("MASTER_ADDR");
  if (place.host.empty())
    return Error{ErrorCode::kInvalidArgument,
                 "The environment variable MASTER_ADDR must name the host of rank 0 when several processes "
                 "train together; start them with torchrun or --nproc.",
                 {}};
  EPICRISIS_ASSIGN_OR_RETURN(const int port, number("MASTER_PORT", "", 1, kMaxPort));
  place.port = static_cast<std::uint16_t>(port);
  return place;
}

}  // namespace epicrisis::train
