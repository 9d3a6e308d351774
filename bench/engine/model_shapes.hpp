#pragma once

#include <optional>
#include <string_view>

#include "checkpoint/checkpoint.hpp"

namespace epicrisis::bench {

/// The Architecture of a published model: "pegasus-large" or "flan-t5-base".
std::optional<Architecture> shape_named(std::string_view name);

/// Weights of that shape, float32 or bfloat16, that keep activations finite. They repeat a block of a million
/// random numbers, at other memory: as fast to make as to write, and as slow to read as any.
Checkpoint checkpoint_of_shape(const Architecture& architecture, DType dtype);

/// What a decode step reads at least: the matrices of the decoder that are not of cross-attention's keys and
/// values, the output projection, `weight_bytes` an element, and the keys and values of a source of
/// `source_tokens` at two bytes an element.
double bytes_of_a_step(const Architecture& architecture, int source_tokens, double weight_bytes);

}  // namespace epicrisis::bench
