#pragma once

#include <cstdint>

namespace epicrisis {

/// Part of the original text that a token stands for, in Unicode code points, half-open.
struct Offsets {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
  bool operator==(const Offsets&) const = default;
};

}  // namespace epicrisis
