#include "engine/kernels/packed_matmul.hpp"

#include <algorithm>

#include "engine/kernels/rowwise.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/packed_matmul.cpp"
#include "engine/kernels/every_target-inl.h"

#include "engine/kernels/load-inl.h"
#include "engine/kernels/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace epicrisis::kernels::HWY_NAMESPACE {
namespace {
#if HWY_TARGET == HWY_SCALAR
void PackPanels(const float* b, std::ptrdiff_t b_stride, int n, int k, float* panels) {
  reference::pack_panels(b, b_stride, n, k, panels);
}
void MatMulPanels(const MatMulArgs& args, const float* panels) { reference::matmul_panels(args, panels); }
#else
// Rows times vectors of sums, the vectors of a panel's row and one element of `a` fill 32 registers, or 16.
#if HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM
constexpr int kVectors = 4;
#else
constexpr int kVectors = 2;
#endif
constexpr int kMostRows = 6;
constexpr int kWidth = kVectors * kLanes;  // of a panel
static_assert(64 % kWidth == 0);

// Four rows of four elements become four columns.
HWY_INLINE void transpose_quad(const float* const* rows, std::ptrdiff_t at, float* to) {
  const Quad r0 = hn::LoadU(kQuadTag, rows[0] + at);
  const Quad r1 = hn::LoadU(kQuadTag, rows[1] + at);
  const Quad r2 = hn::LoadU(kQuadTag, rows[2] + at);
  const Quad r3 = hn::LoadU(kQuadTag, rows[3] + at);
  const Quad lower02 = hn::InterleaveLower(kQuadTag, r0, r2);
  const Quad lower13 = hn::InterleaveLower(kQuadTag, r1, r3);
  const Quad upper02 = hn::InterleaveUpper(kQuadTag, r0, r2);
  const Quad upper13 = hn::InterleaveUpper(kQuadTag, r1, r3);
  hn::StoreU(hn::InterleaveLower(kQuadTag, lower02, lower13), kQuadTag, to);
  hn::StoreU(hn::InterleaveUpper(kQuadTag, lower02, lower13), kQuadTag, to + kWidth);
  hn::StoreU(hn::InterleaveLower(kQuadTag, upper02, upper13), kQuadTag, to + 2 * kWidth);
  hn::StoreU(hn::InterleaveUpper(kQuadTag, upper02, upper13), kQuadTag, to + 3 * kWidth);
}

void PackPanels(const float* b, std::ptrdiff_t b_stride, int n, int k, float* panels) {
  for (int first = 0; first < n; first += kWidth, panels += static_cast<std::ptrdiff_t>(k) * kWidth) {
    const int count = std::min(kWidth, n - first);
    int j = 0;
    for (; j + 4 <= count; j += 4) {
      const float* rows[4];
      for (int i = 0; i < 4; ++i) rows[i] = b + (first + j + i) * b_stride;
      int p = 0;
      for (; p + 4 <= k; p += 4) transpose_quad(rows, p, panels + std::ptrdiff_t{p} * kWidth + j);
      for (; p < k; ++p) {
        for (int i = 0; i < 4; ++i) panels[std::ptrdiff_t{p} * kWidth + j + i] = rows[i][p];
      }
    }
    for (; j < kWidth; ++j) {
      const float* row = j < count ? b + (first + j) * b_stride : nullptr;
      for (int p = 0; p < k; ++p) panels[std::ptrdiff_t{p} * kWidth + j] = row != nullptr ? row[p] : 0.0F;
    }
  }
}

// c[0 .. count) (+)= sum + bias[0 .. count).
HWY_INLINE void store_sum(V sum, const float* bias, bool accumulate, int count, float* c) {
  if (count >= kLanes) {
    if (bias != nullptr) sum = hn::Add(sum, hn::LoadU(kTag, bias));
    if (accumulate) sum = hn::Add(sum, hn::LoadU(kTag, c));
    hn::StoreU(sum, kTag, c);
    return;
  }
  if (bias != nullptr) sum = hn::Add(sum, load_first(kTag, bias, count));
  if (accumulate) sum = hn::Add(sum, load_first(kTag, c, count));
  store_first(sum, kTag, c, count);
}

// kRows rows from row i on, times one panel whose first output is j.
template <int kRows>
HWY_INLINE void panel_tile(const MatMulArgs& args, const float* panel, int i, int j) {
  V sums[kRows][kVectors];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) sums[r][v] = hn::Zero(kTag);
  }
  const float* a = args.a + i * args.a_stride;
  for (int p = 0; p < args.k; ++p, panel += kWidth) {
    V columns[kVectors];
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) columns[v] = hn::LoadU(kTag, panel + v * kLanes);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      const V element = hn::Set(kTag, a[r * args.a_stride + p]);
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) sums[r][v] = hn::MulAdd(element, columns[v], sums[r][v]);
    }
  }
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors && j + v * kLanes < args.n; ++v) {
      const int column = j + v * kLanes;
      store_sum(sums[r][v], args.bias == nullptr ? nullptr : args.bias + column, args.accumulate,
                args.n - column, args.c + (i + r) * args.c_stride + column);
    }
  }
}

void MatMulPanels(const MatMulArgs& args, const float* panels) {
  for (int j = 0; j < args.n; j += kWidth, panels += static_cast<std::ptrdiff_t>(args.k) * kWidth) {
    for (int i = 0; i < args.m;) {
      const int tiles = (args.m - i + kMostRows - 1) / kMostRows;
      const int rows = (args.m - i + tiles - 1) / tiles;
      switch (rows) {
        case 1:
          panel_tile<1>(args, panels, i, j);
          break;
        case 2:
          panel_tile<2>(args, panels, i, j);
          break;
        case 3:
          panel_tile<3>(args, panels, i, j);
          break;
        case 4:
          panel_tile<4>(args, panels, i, j);
          break;
        case 5:
          panel_tile<5>(args, panels, i, j);
          break;
        default:
          panel_tile<6>(args, panels, i, j);
          break;
      }
      i += rows;
    }
  }
}

#endif  // HWY_TARGET
}  // namespace
}  // namespace epicrisis::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace epicrisis::kernels {
namespace {

constexpr int kPackedColumns = 64;  // Whole panels on every instruction set.

// Calls multiply(block, where its part of b starts) for blocks of outputs and of K; further ones of K add.
template <class Args, class Multiply>
void multiply_blocks(const Args& args, const Multiply& multiply) noexcept {
  for (int j = 0; j < args.n; j += kPackedColumns) {
    for (int p = 0; p < args.k; p += kPackedDepth) {
      Args block = args;
      block.a += p;
      block.c += j;
      block.n = std::min(kPackedColumns, args.n - j);
      block.k = std::min(kPackedDepth, args.k - p);
      block.bias = p > 0 || args.bias == nullptr ? nullptr : args.bias + j;
      block.accumulate = args.accumulate || p > 0;
      multiply(block, j * args.b_stride + p);
    }
  }
}

}  // namespace

HWY_EXPORT(PackPanels);
HWY_EXPORT(MatMulPanels);

void pack_panels(const float* b, std::ptrdiff_t b_stride, int n, int k, float* panels) noexcept {
  HWY_DYNAMIC_DISPATCH(PackPanels)(b, b_stride, n, k, panels);
}
void matmul_panels(const MatMulArgs& args, const float* panels) noexcept {
  HWY_DYNAMIC_DISPATCH(MatMulPanels)(args, panels);
}

void matmul_nt_packed(const MatMulArgs& args, float* scratch) noexcept {
  float* widened = scratch + kPackedScratch / 2;
  multiply_blocks(args, [&](const MatMulArgs& block, std::ptrdiff_t at) noexcept {
    if (args.b_bfloat16 == nullptr) {
      pack_panels(args.b + at, args.b_stride, block.n, block.k, scratch);
    } else {
      for (int j = 0; j < block.n; ++j)
        widen_bfloat16(args.b_bfloat16 + at + j * args.b_stride, block.k, widened + j * kPackedDepth);
      pack_panels(widened, kPackedDepth, block.n, block.k, scratch);
    }
    matmul_panels(block, scratch);
  });
}

void matmul_bfloat16_packed(const Bfloat16MatMulArgs& args, float* scratch) noexcept {
  auto* panels = reinterpret_cast<std::uint16_t*>(scratch);
  multiply_blocks(args, [&](const Bfloat16MatMulArgs& block, std::ptrdiff_t at) noexcept {
    pack_panels_bfloat16(args.b + at, args.b_stride, block.n, block.k, panels);
    matmul_panels_bfloat16(block, panels);
  });
}

namespace reference {

void pack_panels(const float* b, std::ptrdiff_t b_stride, int n, int k, float* panels) noexcept {
  for (int j = 0; j < n; ++j) panels = std::copy_n(b + j * b_stride, k, panels);
}

void matmul_panels(const MatMulArgs& args, const float* panels) noexcept {
  MatMulArgs product = args;
  product.b = panels;
  product.b_stride = args.k;
  reference::matmul_nt(product);
}

}  // namespace reference
}  // namespace epicrisis::kernels
#endif
