#pragma once

#include <cstddef>
#include <cstdint>

namespace epicrisis::kernels {

/// One product of row-major float32 matrices, described by pointers and row strides in elements.
///
/// Each output element is computed by one fixed order of additions that depends on K and the instruction set
/// only, never on M, on N or on where the element stands: a row has the same bits alone and in any batch,
/// however the caller splits the work. That is what makes batch mates unable to change a summary.
struct MatMulArgs {
  const float* a = nullptr;  ///< [M, K]
  std::ptrdiff_t a_stride = 0;
  const float* b = nullptr;  ///< [N, K] for matmul_nt, [K, N] for matmul_nn.
  std::ptrdiff_t b_stride = 0;
  const std::uint16_t* b_bfloat16 = nullptr;  ///< Stands in for b: the bits of bfloat16 elements.
  float* c = nullptr;                         ///< [M, N]; overlaps neither a nor b.
  std::ptrdiff_t c_stride = 0;
  int m = 0;
  int n = 0;
  int k = 0;
  const float* bias = nullptr;  ///< [N] or null; matmul_nt only.
  bool accumulate = false;      ///< c += product + bias instead of c = product + bias; matmul_nt only.
};

/// c = a * b^T: activations times a weight matrix as checkpoints store it, or queries times keys. K is walked
/// in vectors, so b needs no packing and weights are used where they lie; bfloat16 elements give the same
/// bits as their float32 values would. Fastest when M * K fits the L2 cache.
void matmul_nt(const MatMulArgs& args) noexcept;

/// c = a * b: attention probabilities times values.
void matmul_nn(const MatMulArgs& args) noexcept;

namespace reference {
void matmul_nt(const MatMulArgs& args) noexcept;
void matmul_nn(const MatMulArgs& args) noexcept;
}  // namespace reference

}  // namespace epicrisis::kernels
