#pragma once

#include <functional>
#include <span>
#include <string_view>

#include "base/result.hpp"
#include "checkpoint/tensor.hpp"

namespace epicrisis {

/// The element type `tensor` gets in a file whose floating-point tensors are `dtype`.
inline DType written_dtype(const TensorView& tensor, DType dtype) noexcept {
  return is_floating_point(tensor.dtype) ? dtype : tensor.dtype;
}

/// kInvalidArgument unless `dtype` is float32, float16 or bfloat16: what weights are stored in.
Result<void> check_weight_dtype(DType dtype);

using ByteSink = std::function<Result<void>(std::span<const std::byte>)>;

/// Hands the bytes of `tensor` as written_dtype(tensor, dtype) to `sink`, in pieces: the memory used does not
/// grow with the tensor. Errors: kInvalidArgument naming `name` when a value is too large for `dtype`, and
/// what `sink` reports.
Result<void> write_tensor_bytes(const TensorView& tensor, std::string_view name, DType dtype,
                                const ByteSink& sink);

}  // namespace epicrisis
