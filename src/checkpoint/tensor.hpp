#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace epicrisis {

/// Element types of checkpoint tensors.
enum class DType { kFloat32, kFloat16, kBFloat16, kFloat64, kInt8, kUInt8, kInt16, kInt32, kInt64, kBool };

std::size_t size_bytes(DType dtype) noexcept;
bool is_floating_point(DType dtype) noexcept;
/// Name as safetensors spells it ("F32", "BF16").
std::string_view to_string(DType dtype) noexcept;
/// The inverse of to_string(); nothing for a name that is none of ours.
std::optional<DType> parse_dtype(std::string_view name) noexcept;

/// A dense row-major tensor in memory that something else owns (a mapped file, a buffer). Little-endian.
struct TensorView {
  DType dtype = DType::kFloat32;
  std::vector<std::int64_t> shape;
  std::span<const std::byte>
      data;  ///< Exactly element_count() * size_bytes(dtype) bytes; alignment is not promised.

  std::int64_t element_count() const noexcept;
};

/// Most dimensions a tensor of a checkpoint may have.
inline constexpr std::size_t kMaxRank = 8;

/// Product of `shape`, or nothing when a size is negative or the product times `element_bytes` passes
/// `limit_bytes`. Never overflows: shapes come from files.
std::optional<std::uint64_t> checked_size_bytes(std::span<const std::int64_t> shape,
                                                std::uint64_t element_bytes,
                                                std::uint64_t limit_bytes) noexcept;

/// "[2, 3]", for errors.
std::string shape_to_string(std::span<const std::int64_t> shape);

/// Widens float16, bfloat16, float64 or float32 elements to float32. `out` has element_count() elements.
/// Precondition: the dtype is a floating-point one.
void widen_to_float32(const TensorView& tensor, std::span<float> out);

/// Rounds float32 values to `dtype` (float32, float16 or bfloat16), to nearest, ties to even (IEEE 754).
/// False when a finite value is too large for `dtype`; `out` then holds an infinity there.
/// Precondition: out.size() == values.size() * size_bytes(dtype).
bool narrow_from_float32(std::span<const float> values, DType dtype, std::span<std::byte> out);

}  // namespace epicrisis
