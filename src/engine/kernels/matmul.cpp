#include "engine/kernels/matmul.hpp"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/matmul.cpp"
#include "engine/kernels/every_target-inl.h"

#include <hwy/cache_control.h>

#include "engine/kernels/load-inl.h"
#include "engine/kernels/reduce-inl.h"
#include "engine/kernels/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace epicrisis::kernels::HWY_NAMESPACE {
namespace {
#if HWY_TARGET == HWY_SCALAR
void MatMulNt(const MatMulArgs& args) { reference::matmul_nt(args); }
void MatMulNn(const MatMulArgs& args) { reference::matmul_nn(args); }
#else
// Register tile: rows of `a` held in registers times four rows of `b`. 16 registers take 3 * 4 accumulators,
// 3 rows and one load; AVX-512 and NEON have 32. matmul_nn holds rows times four vectors of `b`.
#if HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM
constexpr int kTileRows = 6;
constexpr int kNnRows = 6;
#else
constexpr int kTileRows = 3;
constexpr int kNnRows = 2;
#endif
// Cuts of K and M so that a tile's rows (7 * 4 KiB) stay in a 32 KiB L1 cache and a block of `a` (192 KiB) in
// L2. The cut of K depends on K alone, so the promise about the order of additions holds.
constexpr int kDepthBlock = 1024;
constexpr int kRowBlock = 48;

// Rows of the next tile when `left` remain: full tiles, but two even ones rather than a lone last row.
HWY_INLINE int tile_rows(int left) {
  if (left >= 2 * kTileRows || left <= kTileRows) return std::min(left, kTileRows);
  return (left + 1) / 2;
}

// The four or eight rows of `b` that a tile multiplies with, from depth p on.
template <class B, int kQuads>
struct Columns {
  const B* row[4 * kQuads];
  std::ptrdiff_t prefetched = 0;  ///< From each to the row that takes its place in the next tile.
};

// Products of kRows rows of `a` and 4 * kQuads rows of `b` over k elements; sums[i * kQuads + q] holds row i
// with b.row[4q .. 4q+3].
template <int kRows, int kQuads, class B>
HWY_INLINE void nt_tile(const float* HWY_RESTRICT a, std::ptrdiff_t a_stride, const Columns<B, kQuads>& b,
                        int k, Quad* sums) {
  V acc[kRows][4 * kQuads];
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 8
    for (int j = 0; j < 4 * kQuads; ++j) acc[i][j] = hn::Zero(kTag);
  }
  int p = 0;
  for (; p + kLanes <= k; p += kLanes) {
    V rows[kRows];
#pragma GCC unroll 8
    for (int i = 0; i < kRows; ++i) rows[i] = hn::LoadU(kTag, a + i * a_stride + p);
#pragma GCC unroll 8
    for (int j = 0; j < 4 * kQuads; ++j) {
      const V column = load_widened(kTag, b.row[j] + p);
      // One row is bound by memory, whose own prefetching starts anew with each row of weights.
      if constexpr (kRows == 1) hwy::Prefetch(b.row[j] + p + b.prefetched);
#pragma GCC unroll 8
      for (int i = 0; i < kRows; ++i) acc[i][j] = hn::MulAdd(rows[i], column, acc[i][j]);
    }
  }
  if (p < k) {
    V rows[kRows];
#pragma GCC unroll 8
    for (int i = 0; i < kRows; ++i) rows[i] = load_first(kTag, a + i * a_stride + p, k - p);
#pragma GCC unroll 8
    for (int j = 0; j < 4 * kQuads; ++j) {
      const V column = load_first(kTag, b.row[j] + p, k - p);
#pragma GCC unroll 8
      for (int i = 0; i < kRows; ++i) acc[i][j] = hn::MulAdd(rows[i], column, acc[i][j]);
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 8
    for (int q = 0; q < kQuads; ++q)
      sums[i * kQuads + q] =
          sum_lanes_of_four(kTag, acc[i][4 * q], acc[i][4 * q + 1], acc[i][4 * q + 2], acc[i][4 * q + 3]);
  }
}

// c[0 .. count) (+)= sums + bias[0 .. count).
HWY_INLINE void store_quad(Quad sum, const float* bias, bool accumulate, int count, float* c) {
  if (count == 4) {
    if (bias != nullptr) sum = hn::Add(sum, hn::LoadU(kQuadTag, bias));
    if (accumulate) sum = hn::Add(sum, hn::LoadU(kQuadTag, c));
    hn::StoreU(sum, kQuadTag, c);
    return;
  }
  HWY_ALIGN float lanes[4];
  hn::Store(sum, kQuadTag, lanes);
  for (int j = 0; j < count; ++j) {
    const float value = bias != nullptr ? lanes[j] + bias[j] : lanes[j];
    c[j] = accumulate ? value + c[j] : value;
  }
}

// Where a run of tiles stands: columns [j, j + 4 * kQuads) of c, depth [p, p + depth).
struct Stripe {
  int j;
  int p;
  int depth;
};

template <class B, int kQuads>
HWY_INLINE Columns<B, kQuads> columns_at(const MatMulArgs& args, const B* b, const Stripe& stripe) {
  Columns<B, kQuads> columns;  // past the last column its copies are computed and not stored
  for (int q = 0; q < 4 * kQuads; ++q)
    columns.row[q] = b + std::min(stripe.j + q, args.n - 1) * args.b_stride + stripe.p;
  columns.prefetched = 4 * kQuads * args.b_stride;
  return columns;
}

template <int kRows, int kQuads, class B>
HWY_INLINE void nt_tile_store(const MatMulArgs& args, int i, const Stripe& stripe,
                              const Columns<B, kQuads>& columns) {
  Quad sums[kRows * kQuads];
  nt_tile<kRows, kQuads>(args.a + i * args.a_stride + stripe.p, args.a_stride, columns, stripe.depth, sums);
  const float* bias = stripe.p == 0 ? args.bias : nullptr;
  const bool accumulate = args.accumulate || stripe.p > 0;
  for (int r = 0; r < kRows; ++r) {
    for (int q = 0; q < kQuads; ++q) {
      const int column = stripe.j + 4 * q;
      const int count = std::min(4, args.n - column);
      if (count <= 0) break;
      store_quad(sums[r * kQuads + q], bias == nullptr ? nullptr : bias + column, accumulate, count,
                 args.c + (i + r) * args.c_stride + column);
    }
  }
}

template <class B>
HWY_INLINE void nt_rows(const MatMulArgs& args, int first, int end, const Stripe& stripe,
                        const Columns<B, 1>& columns) {
  for (int i = first; i < end;) {
    const int rows = tile_rows(end - i);
    switch (rows) {
      case 1:
        nt_tile_store<1, 1>(args, i, stripe, columns);
        break;
      case 2:
        nt_tile_store<2, 1>(args, i, stripe, columns);
        break;
      case 3:
        nt_tile_store<3, 1>(args, i, stripe, columns);
        break;
#if HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM
      case 4:
        nt_tile_store<4, 1>(args, i, stripe, columns);
        break;
      case 5:
        nt_tile_store<5, 1>(args, i, stripe, columns);
        break;
      case 6:
        nt_tile_store<6, 1>(args, i, stripe, columns);
        break;
#endif
      default:
        break;
    }
    i += rows;
  }
}

// Widens the columns of a stripe into `panel` [4, depth] once, for all rows that follow.
HWY_INLINE Columns<float, 1> widen_columns(const Columns<std::uint16_t, 1>& columns, int depth,
                                           float* panel) {
  Columns<float, 1> widened;
  for (int q = 0; q < 4; ++q, panel += kDepthBlock) {
    int p = 0;
    for (; p + kLanes <= depth; p += kLanes)
      hn::StoreU(load_widened(kTag, columns.row[q] + p), kTag, panel + p);
    if (p < depth) store_first(load_first(kTag, columns.row[q] + p, depth - p), kTag, panel + p, depth - p);
    widened.row[q] = panel;
  }
  return widened;
}

template <class B>
HWY_INLINE void nt_product(const MatMulArgs& args, const B* b) {
  for (int p = 0; p < args.k; p += kDepthBlock) {
    const int depth = std::min(kDepthBlock, args.k - p);
    if (args.m == 1) {  // Eight chains of additions hide the latency that one row's four would show.
      for (int j = 0; j < args.n; j += 8)
        nt_tile_store<1, 2>(args, 0, {j, p, depth}, columns_at<B, 2>(args, b, {j, p, depth}));
      continue;
    }
    for (int block = 0; block < args.m; block += kRowBlock) {
      const int end = std::min(args.m, block + kRowBlock);
      for (int j = 0; j < args.n; j += 4) {
        const Stripe stripe{j, p, depth};
        const Columns<B, 1> columns = columns_at<B, 1>(args, b, stripe);
        if constexpr (sizeof(B) < sizeof(float)) {
          if (end - block > 2 * kTileRows) {
            HWY_ALIGN float panel[4 * kDepthBlock];
            nt_rows(args, block, end, stripe, widen_columns(columns, depth, panel));
            continue;
          }
        }
        nt_rows(args, block, end, stripe, columns);
      }
    }
  }
}

void MatMulNt(const MatMulArgs& args) {
  if (args.b_bfloat16 != nullptr) {
    nt_product(args, args.b_bfloat16);
  } else {
    nt_product(args, args.b);
  }
}

// c tile of kRows rows and kVectors vectors (the last one partial when kPartial): sum over p of a[i][p] *
// b[p].
template <int kRows, int kVectors, bool kPartial, class B>
HWY_INLINE void nn_tile(const MatMulArgs& args, const B* first, int i, int j) {
  V acc[kRows][kVectors];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) acc[r][v] = hn::Zero(kTag);
  }
  const float* a = args.a + i * args.a_stride;
  const B* b = first + j;
  for (int p = 0; p < args.k; ++p, b += args.b_stride) {
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) {
      V values;
      if constexpr (kPartial) {
        values = load_first(kTag, b, args.n - j);
      } else {
        values = load_widened(kTag, b + v * kLanes);
      }
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r)
        acc[r][v] = hn::MulAdd(hn::Set(kTag, a[r * args.a_stride + p]), values, acc[r][v]);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
    float* c = args.c + (i + r) * args.c_stride + j;
    if constexpr (kPartial) {
      store_first(acc[r][0], kTag, c, args.n - j);
    } else {
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) hn::StoreU(acc[r][v], kTag, c + v * kLanes);
    }
  }
}

template <int kRows, class B>
HWY_INLINE void nn_rows(const MatMulArgs& args, const B* b, int i) {
  int j = 0;
  for (; j + 4 * kLanes <= args.n; j += 4 * kLanes) nn_tile<kRows, 4, false>(args, b, i, j);
  for (; j + 2 * kLanes <= args.n; j += 2 * kLanes) nn_tile<kRows, 2, false>(args, b, i, j);
  for (; j + kLanes <= args.n; j += kLanes) nn_tile<kRows, 1, false>(args, b, i, j);
  if (j < args.n) nn_tile<kRows, 1, true>(args, b, i, j);
}

template <class B>
HWY_INLINE void nn_product(const MatMulArgs& args, const B* b) {
  int i = 0;
  for (; i + kNnRows <= args.m; i += kNnRows) nn_rows<kNnRows>(args, b, i);
  for (; i + 2 <= args.m; i += 2) nn_rows<2>(args, b, i);
  if (i < args.m) nn_rows<1>(args, b, i);
}

void MatMulNn(const MatMulArgs& args) {
  if (args.b_bfloat16 != nullptr) {
    nn_product(args, args.b_bfloat16);
  } else {
    nn_product(args, args.b);
  }
}

#endif  // HWY_TARGET
}  // namespace
}  // namespace epicrisis::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace epicrisis::kernels {
HWY_EXPORT(MatMulNt);
HWY_EXPORT(MatMulNn);
void matmul_nt(const MatMulArgs& args) noexcept { HWY_DYNAMIC_DISPATCH(MatMulNt)(args); }
void matmul_nn(const MatMulArgs& args) noexcept { HWY_DYNAMIC_DISPATCH(MatMulNn)(args); }
}  // namespace epicrisis::kernels
#endif
