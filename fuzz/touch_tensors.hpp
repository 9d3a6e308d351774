#pragma once

#include <cstddef>
#include <cstdint>

#include "base/check.hpp"
#include "checkpoint/weights.hpp"

namespace epicrisis {

/// Reads the ends of every tensor, where a view that leaves its file would fault, and checks its size.
inline void touch_tensors(const Weights::Map& tensors) {
  unsigned sum = 0;
  for (const auto& [name, tensor] : tensors) {
    const auto bytes = static_cast<std::uint64_t>(tensor.element_count()) * size_bytes(tensor.dtype);
    EPICRISIS_CHECK(bytes == tensor.data.size());
    if (tensor.data.empty()) continue;
    sum += static_cast<unsigned>(tensor.data.front()) + static_cast<unsigned>(tensor.data.back());
  }
  [[maybe_unused]] volatile const unsigned keep = sum;
}

}  // namespace epicrisis
