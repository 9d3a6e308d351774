#pragma once

#include <cstdint>

namespace epicrisis::train {

/// The most memory that this process has held so far (its resident set), in bytes.
std::uint64_t peak_memory_bytes();

}  // namespace epicrisis::train
