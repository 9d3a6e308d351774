#include "checkpoint/tensor_writing.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace epicrisis {
namespace {

constexpr std::size_t kPieceElements = 1U << 16;

}  // namespace

Result<void> check_weight_dtype(DType dtype) {
  if (dtype == DType::kFloat32 || dtype == DType::kFloat16 || dtype == DType::kBFloat16) return {};
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("Weights are stored as F32, F16 or BF16, not as {}.", to_string(dtype)), ""};
}

Result<void> write_tensor_bytes(const TensorView& tensor, std::string_view name, DType dtype,
                                const ByteSink& sink) {
  if (written_dtype(tensor, dtype) == tensor.dtype) return sink(tensor.data);
  std::vector<float> values;
  std::vector<std::byte> narrowed;
  const std::size_t source_bytes = size_bytes(tensor.dtype);
  const std::size_t count = tensor.data.size() / source_bytes;
  for (std::size_t begin = 0; begin < count; begin += kPieceElements) {
    const std::size_t length = std::min(kPieceElements, count - begin);
    values.resize(length);
    narrowed.resize(length * size_bytes(dtype));
    TensorView piece{tensor.dtype, {static_cast<std::int64_t>(length)}, {}};
    piece.data = tensor.data.subspan(begin * source_bytes, length * source_bytes);
    widen_to_float32(piece, values);
    if (!narrow_from_float32(values, dtype, narrowed)) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("A weight is too large for {}; choose F32 or BF16.", to_string(dtype)),
                   fmt::format("tensor '{}'", name)};
    }
    EPICRISIS_RETURN_IF_ERROR(sink(narrowed));
  }
  return {};
}

}  // namespace epicrisis
