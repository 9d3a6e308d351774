#pragma once

#include <optional>
#include <string_view>

namespace epicrisis {

/// What the engine multiplies with. docs/quantization.md tells what the narrower ones change.
enum class ComputeType {
  kFloat32,   ///< Weights as stored, widened to float32.
  kBFloat16,  ///< Weights in bfloat16; inputs too where the processor multiplies bfloat16. Float32 sums.
  kInt8       ///< Weights in int8, one scale an output channel; inputs quantised row by row. int32 sums.
};

/// "float32", "bfloat16", "int8".
std::string_view to_string(ComputeType type) noexcept;
/// The inverse of to_string(), "fp32" and "bf16" too; nothing for another name.
std::optional<ComputeType> parse_compute_type(std::string_view name) noexcept;

}  // namespace epicrisis
