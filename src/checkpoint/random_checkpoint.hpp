#pragma once

#include <cstdint>

#include "checkpoint/checkpoint.hpp"

namespace epicrisis {

/// A checkpoint of `architecture` with normally distributed weights that keep activations near one,
/// reproducible by `seed`, stored as `dtype` (float32, float16 or bfloat16): for tests and measurements.
/// Tensors of more than a million elements repeat a block of numbers, each from another place on: as fast to
/// make as to write, and as slow to read as any.
Checkpoint random_checkpoint(const Architecture& architecture, std::uint32_t seed,
                             DType dtype = DType::kFloat32);

}  // namespace epicrisis
