#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace epicrisis {

/// Element types of checkpoint tensors.
enum class DType { kFloat32, kFloat16, kBFloat16, kFloat64, kInt8, kUInt8, kInt16, kInt32, kInt64, kBool };

std::size_t size_bytes(DType dtype) noexcept;
/// Name as safetensors spells it ("F32", "BF16").
std::string_view to_string(DType dtype) noexcept;

/// A dense row-major tensor in memory that something else owns (a mapped file, a buffer). Little-endian.
struct TensorView {
  DType dtype = DType::kFloat32;
  std::vector<std::int64_t> shape;
  std::span<const std::byte>
      data;  ///< Exactly element_count() * size_bytes(dtype) bytes; alignment is not promised.

  std::int64_t element_count() const noexcept;
};

/// Widens float16, bfloat16, float64 or float32 elements to float32. `out` has element_count() elements.
/// Precondition: the dtype is a floating-point one.
void widen_to_float32(const TensorView& tensor, std::span<float> out);

}  // namespace epicrisis
