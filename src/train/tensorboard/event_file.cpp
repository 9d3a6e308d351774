#include "train/tensorboard/event_file.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <boost/crc.hpp>
#include <cerrno>
#include <chrono>

#include "base/files.hpp"
#include "train/tensorboard/event_message.hpp"

namespace epicrisis::train {
namespace {
namespace fs = std::filesystem;

/// CRC-32C, rotated and shifted: the CRC of data that holds CRCs says little.
std::uint32_t masked_crc(std::string_view bytes) {
  boost::crc_optimal<32, 0x1EDC6F41, 0xFFFFFFFF, 0xFFFFFFFF, true, true> crc32c;
  crc32c.process_bytes(bytes.data(), bytes.size());
  const std::uint32_t crc = crc32c.checksum();
  constexpr std::uint32_t kMaskDelta = 0xA282EAD8;
  return ((crc >> 15) | (crc << 17)) + kMaskDelta;
}

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string host_name() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? std::string(name.data()) : "localhost";
}

/// The name that TensorFlow gives: time, machine, process, and a count for several files of one second.
std::string file_name() {
  static std::atomic<int> count = 0;
  return fmt::format("events.out.tfevents.{:010}.{}.{}.{}", static_cast<std::int64_t>(seconds_now()),
                     host_name(), getpid(), count++);
}

}  // namespace

Result<EventFile> EventFile::create(const fs::path& folder, std::int64_t resumed_step) {
  std::error_code failure;
  fs::create_directories(folder, failure);
  if (failure) return system_error(failure.value(), "create", folder);
  EventFile file(folder / file_name());
  if (!file.file_) return system_error(errno, "create", file.path_);
  EPICRISIS_RETURN_IF_ERROR(file.append_record(version_event(seconds_now())));
  EPICRISIS_RETURN_IF_ERROR(file.append_record(session_start_event(seconds_now(), resumed_step + 1)));
  return file;
}

Result<void> EventFile::append(std::int64_t step, std::span<const Scalar> scalars) {
  return append_record(summary_event(seconds_now(), step, scalars));
}

Result<void> EventFile::append_record(const std::string& event) {
  std::string length;
  append_fixed64(length, event.size());
  std::string record = length;
  append_fixed32(record, masked_crc(length));
  record += event;
  append_fixed32(record, masked_crc(event));
  file_.write(record.data(), static_cast<std::streamsize>(record.size()));
  file_.flush();
  if (!file_) return system_error(errno, "write", path_);
  return {};
}

}  // namespace epicrisis::train
