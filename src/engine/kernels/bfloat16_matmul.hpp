#pragma once

#include <cstddef>
#include <cstdint>

namespace epicrisis::kernels {

/// y[i] = the bits of the bfloat16 element next to x[i], ties to even. NaN stays NaN.
void round_to_bfloat16(const float* x, int n, std::uint16_t* y) noexcept;

/// One product of bfloat16 matrices, both given by the bits of their elements, with float32 sums. The order
/// of additions depends on K only: a row has the same bits alone and in any batch.
struct Bfloat16MatMulArgs {
  const std::uint16_t* a = nullptr;  ///< [M, K]
  std::ptrdiff_t a_stride = 0;
  const std::uint16_t* b = nullptr;  ///< [N, K], as checkpoints store it.
  std::ptrdiff_t b_stride = 0;
  float* c = nullptr;  ///< [M, N]
  std::ptrdiff_t c_stride = 0;
  int m = 0;
  int n = 0;
  int k = 0;
  const float* bias = nullptr;  ///< [N], or null for none.
  bool accumulate = false;      ///< c += product + bias instead of c = product + bias.
};

/// c = a * b^T. Precondition: cpu_extensions().bfloat16.
void matmul_bfloat16(const Bfloat16MatMulArgs& args) noexcept;

namespace reference {
void round_to_bfloat16(const float* x, int n, std::uint16_t* y) noexcept;
void matmul_bfloat16(const Bfloat16MatMulArgs& args) noexcept;
}  // namespace reference

}  // namespace epicrisis::kernels
