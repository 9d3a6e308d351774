#include "train/tensorboard/event_message.hpp"

#include <bit>

namespace epicrisis::train {
namespace {

enum WireType : std::uint32_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

// Field numbers of Event, SessionLog, Summary and Summary.Value.
constexpr std::uint32_t kWallTime = 1, kStep = 2, kFileVersion = 3, kSummary = 5, kSessionLog = 7;
constexpr std::uint32_t kStatus = 1;
constexpr std::uint32_t kValue = 1;
constexpr std::uint32_t kTag = 1, kSimpleValue = 2;
constexpr std::uint64_t kStatusStart = 1;

void append_varint(std::string& bytes, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>((value & 0x7F) | 0x80);
  bytes += static_cast<char>(value);
}

void append_key(std::string& bytes, std::uint32_t field, WireType type) {
  append_varint(bytes, field << 3 | type);
}

void append_bytes(std::string& bytes, std::uint32_t field, std::string_view value) {
  append_key(bytes, field, kBytes);
  append_varint(bytes, value.size());
  bytes += value;
}

std::string event_start(double wall_time, std::int64_t step) {
  std::string bytes;
  append_key(bytes, kWallTime, kFixed64);
  append_fixed64(bytes, std::bit_cast<std::uint64_t>(wall_time));
  append_key(bytes, kStep, kVarint);
  append_varint(bytes, static_cast<std::uint64_t>(step));
  return bytes;
}

}  // namespace

void append_fixed32(std::string& bytes, std::uint32_t value) {
  for (int shift = 0; shift < 32; shift += 8) bytes += static_cast<char>(value >> shift);
}

void append_fixed64(std::string& bytes, std::uint64_t value) {
  for (int shift = 0; shift < 64; shift += 8) bytes += static_cast<char>(value >> shift);
}

std::string version_event(double wall_time) {
  std::string event = event_start(wall_time, 0);
  append_bytes(event, kFileVersion, "brain.Event:2");
  return event;
}

std::string session_start_event(double wall_time, std::int64_t first_step) {
  std::string status;
  append_key(status, kStatus, kVarint);
  append_varint(status, kStatusStart);
  std::string event = event_start(wall_time, first_step);
  append_bytes(event, kSessionLog, status);
  return event;
}

std::string summary_event(double wall_time, std::int64_t step, std::span<const Scalar> scalars) {
  std::string summary;
  for (const Scalar& scalar : scalars) {
    std::string value;
    append_bytes(value, kTag, scalar.tag);
    append_key(value, kSimpleValue, kFixed32);
    append_fixed32(value, std::bit_cast<std::uint32_t>(static_cast<float>(scalar.value)));
    append_bytes(summary, kValue, value);
  }
  std::string event = event_start(wall_time, step);
  append_bytes(event, kSummary, summary);
  return event;
}

}  // namespace epicrisis::train
