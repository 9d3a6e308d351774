#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "train/tensorboard/event_file.hpp"

namespace epicrisis::train {

// Protocol Buffers messages of tensorflow.Event (tensorflow/core/util/event.proto), only the fields that a
// chart needs. They are written by hand: the library would be a third copy beside LibTorch's
// (docs/decisions/0003).

/// The first event of a file: which format it has.
std::string version_event(double wall_time);
/// A run starts or goes on: events of `first_step` and later in other files are void.
std::string session_start_event(double wall_time, std::int64_t first_step);
/// Numbers of one step.
std::string summary_event(double wall_time, std::int64_t step, std::span<const Scalar> scalars);

/// Little-endian, as records and messages hold numbers of fixed size.
void append_fixed32(std::string& bytes, std::uint32_t value);
void append_fixed64(std::string& bytes, std::uint64_t value);

}  // namespace epicrisis::train
