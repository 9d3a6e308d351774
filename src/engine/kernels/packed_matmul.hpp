#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/kernels/bfloat16_matmul.hpp"
#include "engine/kernels/matmul.hpp"

namespace epicrisis::kernels {

// Products whose right side is laid out in panels first: its rows, the outputs, side by side. Outputs then
// stand in vectors, so nothing is summed across lanes, and a panel stays in L1 while all rows of `a` pass.
// Worth its cost from some dozens of rows on: encoders, attention of many queries. As in matmul.hpp an
// element's additions are ordered by K and the instruction set alone, but the order is another one.

/// Floats that panels of [n, k] float32 elements take at most; half of them for bfloat16.
inline constexpr std::size_t panels_floats(int n, int k) noexcept {
  return static_cast<std::size_t>((n + 63) / 64 * 64) * static_cast<std::size_t>(k);
}

/// Lays b [n, k], rows b_stride apart, out in panels [k][outputs], zeros past n. How wide panels are depends
/// on the instruction set.
void pack_panels(const float* b, std::ptrdiff_t b_stride, int n, int k, float* panels) noexcept;
/// c = a * b^T + bias from pack_panels(b); args.b is not read.
void matmul_panels(const MatMulArgs& args, const float* panels) noexcept;

/// K of one pack in matmul_nt_packed().
inline constexpr int kPackedDepth = 128;
/// Floats of its scratch: panels, and rows that are widened first.
inline constexpr std::size_t kPackedScratch = 2 * panels_floats(64, kPackedDepth);
/// matmul_nt(), which packs `b` as it goes.
void matmul_nt_packed(const MatMulArgs& args, float* scratch) noexcept;

// The same of bfloat16 elements, neighbours along K side by side. Precondition of all:
// cpu_extensions().bfloat16, K even.

void pack_panels_bfloat16(const std::uint16_t* b, std::ptrdiff_t b_stride, int n, int k,
                          std::uint16_t* panels) noexcept;
/// pack_panels_bfloat16() of the transpose of b [k, n] float32, rounded; past `rows` <= k its rows are zero.
void pack_columns_bfloat16(const float* b, std::ptrdiff_t b_stride, int rows, int n, int k,
                           std::uint16_t* panels) noexcept;
void matmul_panels_bfloat16(const Bfloat16MatMulArgs& args, const std::uint16_t* panels) noexcept;
void matmul_bfloat16_packed(const Bfloat16MatMulArgs& args, float* scratch) noexcept;

namespace reference {
void pack_panels(const float* b, std::ptrdiff_t b_stride, int n, int k, float* panels) noexcept;
void matmul_panels(const MatMulArgs& args, const float* panels) noexcept;
}  // namespace reference

}  // namespace epicrisis::kernels
