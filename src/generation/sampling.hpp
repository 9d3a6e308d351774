#pragma once

#include <cstdint>

#include "generation/generation_config.hpp"

namespace epicrisis {

/// The seed that `config` asks for, or one of the machine's entropy.
std::uint64_t sampling_seed(const GenerationConfig& config);

}  // namespace epicrisis
