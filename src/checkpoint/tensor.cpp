#include "checkpoint/tensor.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <functional>
#include <numeric>
#include <utility>

#include "base/check.hpp"

namespace epicrisis {
namespace {

static_assert(std::endian::native == std::endian::little, "checkpoints are little-endian, and read in place");

struct DTypeName {
  DType dtype;
  std::string_view name;
  std::size_t bytes;
};
constexpr std::array kDTypes = {
    DTypeName{DType::kFloat32, "F32", 4},   DTypeName{DType::kFloat16, "F16", 2},
    DTypeName{DType::kBFloat16, "BF16", 2}, DTypeName{DType::kFloat64, "F64", 8},
    DTypeName{DType::kInt8, "I8", 1},       DTypeName{DType::kUInt8, "U8", 1},
    DTypeName{DType::kInt16, "I16", 2},     DTypeName{DType::kInt32, "I32", 4},
    DTypeName{DType::kInt64, "I64", 8},     DTypeName{DType::kBool, "BOOL", 1},
};

const DTypeName& entry(DType dtype) noexcept { return kDTypes[static_cast<std::size_t>(dtype)]; }

template <class T>
T load(const std::byte* address) {
  T value;
  std::memcpy(&value, address, sizeof value);
  return value;
}

float half_to_float(std::uint16_t half) {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000U) << 16;
  const std::uint32_t exponent = (half >> 10) & 0x1FU;
  const std::uint32_t mantissa = half & 0x3FFU;
  if (exponent == 0) {
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24F;
    return sign != 0 ? -magnitude : magnitude;
  }
  const std::uint32_t widened = exponent == 0x1F ? 0xFFU : exponent + (127 - 15);
  return std::bit_cast<float>(sign | (widened << 23) | (mantissa << 13));
}

std::uint16_t float_to_half(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000U);
  const std::uint32_t magnitude = bits & 0x7FFFFFFFU;
  const auto with_sign = [sign](std::uint32_t half) { return static_cast<std::uint16_t>(sign | half); };
  if (magnitude > 0x7F800000U) return with_sign(0x7E00U | ((magnitude >> 13) & 0x3FFU));  // stay a NaN
  constexpr std::uint32_t kRoundsToInfinity = 0x477FF000U;  // 65520, halfway past the largest half
  if (magnitude >= kRoundsToInfinity) return with_sign(0x7C00U);
  constexpr std::uint32_t kSmallestNormal = 0x38800000U;  // 2^-14
  if (magnitude < kSmallestNormal) {
    // Subnormal halves are multiples of 2^-24; nearbyint rounds ties to even.
    return with_sign(static_cast<std::uint32_t>(std::nearbyint(std::bit_cast<float>(magnitude) * 0x1p24F)));
  }
  const std::uint32_t rounded = magnitude + 0xFFFU + ((magnitude >> 13) & 1U);
  return with_sign((rounded - ((127U - 15U) << 23)) >> 13);
}

std::uint16_t float_to_bfloat16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7FFFFFFFU) > 0x7F800000U) return static_cast<std::uint16_t>((bits >> 16) | 0x40U);  // a NaN
  return static_cast<std::uint16_t>((bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16);
}

template <class Narrow>
bool narrow_to_16_bits(std::span<const float> values, std::span<std::byte> out, std::uint16_t infinity,
                       Narrow narrow) {
  bool fits = true;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::uint16_t narrowed = narrow(values[i]);
    fits = fits && ((narrowed & 0x7FFFU) != infinity || std::isinf(values[i]));
    std::memcpy(out.data() + 2 * i, &narrowed, 2);
  }
  return fits;
}

}  // namespace

std::size_t size_bytes(DType dtype) noexcept { return entry(dtype).bytes; }

bool is_floating_point(DType dtype) noexcept {
  return dtype == DType::kFloat32 || dtype == DType::kFloat16 || dtype == DType::kBFloat16 ||
         dtype == DType::kFloat64;
}

std::string_view to_string(DType dtype) noexcept { return entry(dtype).name; }

std::optional<DType> parse_dtype(std::string_view name) noexcept {
  const auto* const found = std::find_if(kDTypes.begin(), kDTypes.end(),
                                         [name](const DTypeName& known) { return known.name == name; });
  return found == kDTypes.end() ? std::nullopt : std::optional(found->dtype);
}

std::int64_t TensorView::element_count() const noexcept {
  // An empty tensor first: the product of its other sizes may not fit.
  if (std::find(shape.begin(), shape.end(), 0) != shape.end()) return 0;
  return std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
}

std::optional<std::uint64_t> checked_size_bytes(std::span<const std::int64_t> shape,
                                                std::uint64_t element_bytes,
                                                std::uint64_t limit_bytes) noexcept {
  if (std::any_of(shape.begin(), shape.end(), [](std::int64_t size) { return size < 0; })) return {};
  // A zero anywhere makes the tensor empty, whatever the other sizes say.
  if (std::find(shape.begin(), shape.end(), 0) != shape.end()) return 0;
  std::uint64_t total = element_bytes;
  for (const std::int64_t size : shape) {
    if (total > limit_bytes / static_cast<std::uint64_t>(size)) return {};
    total *= static_cast<std::uint64_t>(size);
  }
  return total <= limit_bytes ? std::optional(total) : std::nullopt;
}

std::string shape_to_string(std::span<const std::int64_t> shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

void widen_to_float32(const TensorView& tensor, std::span<float> out) {
  EPICRISIS_CHECK(out.size() * size_bytes(tensor.dtype) == tensor.data.size());
  const std::byte* const data = tensor.data.data();
  switch (tensor.dtype) {
    case DType::kFloat32:
      if (!out.empty()) std::memcpy(out.data(), data, tensor.data.size());
      return;
    case DType::kFloat16:
      for (std::size_t i = 0; i < out.size(); ++i) out[i] = half_to_float(load<std::uint16_t>(data + 2 * i));
      return;
    case DType::kBFloat16:
      for (std::size_t i = 0; i < out.size(); ++i) {
        out[i] = std::bit_cast<float>(static_cast<std::uint32_t>(load<std::uint16_t>(data + 2 * i)) << 16);
      }
      return;
    case DType::kFloat64:
      for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<float>(load<double>(data + 8 * i));
      return;
    default:
      EPICRISIS_CHECK(is_floating_point(tensor.dtype));
  }
}

bool narrow_from_float32(std::span<const float> values, DType dtype, std::span<std::byte> out) {
  EPICRISIS_CHECK(out.size() == values.size() * size_bytes(dtype));
  switch (dtype) {
    case DType::kFloat32:
      if (!values.empty()) std::memcpy(out.data(), values.data(), out.size());
      return true;
    case DType::kFloat16:
      return narrow_to_16_bits(values, out, 0x7C00U, float_to_half);
    case DType::kBFloat16:
      return narrow_to_16_bits(values, out, 0x7F80U, float_to_bfloat16);
    default:
      EPICRISIS_CHECK(dtype == DType::kFloat32 || size_bytes(dtype) == 2);
      return false;
  }
}

}  // namespace epicrisis
