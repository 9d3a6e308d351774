#pragma once

#include <cstddef>
#include <optional>

namespace epicrisis {

/// Memory that this process can still take without others losing theirs: what the machine has available, or
/// what its control group (version 1 or 2) leaves where that is less. Empty where the system does not say.
std::optional<std::size_t> available_memory_bytes();

}  // namespace epicrisis
