// By intrinsics: Highway 1.0.3 has no dot product of bfloat16 elements.
#include <algorithm>
#include <cstring>

#include "engine/kernels/packed_matmul.hpp"
#include "engine/kernels/rowwise.hpp"

#if defined(__x86_64__)
#if !defined(__clang__)  // GCC takes the undefined vectors of its own header for uninitialised ones.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>
#endif

namespace epicrisis::kernels {
#if defined(__x86_64__)
namespace {

#define EPICRISIS_BF16 __attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16")))

constexpr int kLanes = 16;  // Sums of a vector.
constexpr int kVectors = 4;
constexpr int kWidth = kVectors * kLanes;  // Outputs of a panel.
constexpr int kMostRows = 6;               // With the vectors of a panel, 24 of 32 registers hold sums.

EPICRISIS_BF16 inline void store_sum(const Bfloat16MatMulArgs& args, __m512 sum, int row,
                                     int column) noexcept {
  const int count = std::min(kLanes, args.n - column);
  if (count <= 0) return;
  const auto mask = static_cast<__mmask16>((1U << count) - 1U);
  float* c = args.c + row * args.c_stride + column;
  if (args.bias != nullptr) sum = _mm512_add_ps(sum, _mm512_maskz_loadu_ps(mask, args.bias + column));
  if (args.accumulate) sum = _mm512_add_ps(sum, _mm512_maskz_loadu_ps(mask, c));
  _mm512_mask_storeu_ps(c, mask, sum);
}

template <int kRows>
EPICRISIS_BF16 void panel_tile(const Bfloat16MatMulArgs& args, const std::uint16_t* panel, int i,
                               int j) noexcept {
  __m512 sums[kRows][kVectors];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) sums[r][v] = _mm512_setzero_ps();
  }
  const std::uint16_t* a = args.a + i * args.a_stride;
  for (int p = 0; p < args.k; p += 2, panel += 2 * kWidth) {
    __m512i columns[kVectors];
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) columns[v] = _mm512_loadu_si512(panel + 2 * v * kLanes);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      int pair = 0;
      __builtin_memcpy(&pair, a + r * args.a_stride + p, sizeof pair);
      const auto elements = (__m512bh)_mm512_set1_epi32(pair);
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v)
        sums[r][v] = _mm512_dpbf16_ps(sums[r][v], elements, (__m512bh)columns[v]);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) store_sum(args, sums[r][v], i + r, j + v * kLanes);
  }
}

void tile_of_rows(const Bfloat16MatMulArgs& args, const std::uint16_t* panel, int rows, int i,
                  int j) noexcept {
  switch (rows) {
    case 1:
      return panel_tile<1>(args, panel, i, j);
    case 2:
      return panel_tile<2>(args, panel, i, j);
    case 3:
      return panel_tile<3>(args, panel, i, j);
    case 4:
      return panel_tile<4>(args, panel, i, j);
    case 5:
      return panel_tile<5>(args, panel, i, j);
    default:
      return panel_tile<6>(args, panel, i, j);
  }
}

// Four pairs of neighbours of four rows: rows of pairs become columns.
inline void transpose_pairs(const std::uint16_t* rows, std::ptrdiff_t stride, std::uint16_t* to) noexcept {
  __m128i r[4];
  for (int i = 0; i < 4; ++i) r[i] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(rows + i * stride));
  const __m128i lower02 = _mm_unpacklo_epi32(r[0], r[2]);
  const __m128i lower13 = _mm_unpacklo_epi32(r[1], r[3]);
  const __m128i upper02 = _mm_unpackhi_epi32(r[0], r[2]);
  const __m128i upper13 = _mm_unpackhi_epi32(r[1], r[3]);
  const __m128i columns[4] = {_mm_unpacklo_epi32(lower02, lower13), _mm_unpackhi_epi32(lower02, lower13),
                              _mm_unpacklo_epi32(upper02, upper13), _mm_unpackhi_epi32(upper02, upper13)};
  for (int i = 0; i < 4; ++i) _mm_storeu_si128(reinterpret_cast<__m128i*>(to + i * 2 * kWidth), columns[i]);
}

// Pairs from `p` on of one row, or zeros for none.
inline void pack_pairs(const std::uint16_t* row, int p, int k, std::uint16_t* to) noexcept {
  for (; p < k; p += 2) {
    std::uint32_t pair = 0;
    if (row != nullptr) std::memcpy(&pair, row + p, sizeof pair);
    std::memcpy(to + std::ptrdiff_t{p} * kWidth, &pair, sizeof pair);
  }
}

}  // namespace

void pack_panels_bfloat16(const std::uint16_t* b, std::ptrdiff_t b_stride, int n, int k,
                          std::uint16_t* panels) noexcept {
  for (int first = 0; first < n; first += kWidth, panels += static_cast<std::ptrdiff_t>(k) * kWidth) {
    const int count = std::min(kWidth, n - first);
    const std::uint16_t* rows = b + first * b_stride;
    int j = 0;
    for (; j + 4 <= count; j += 4, rows += 4 * b_stride) {
      int p = 0;
      for (; p + 8 <= k; p += 8)
        transpose_pairs(rows + p, b_stride, panels + std::ptrdiff_t{p} * kWidth + 2 * j);
      for (int i = 0; i < 4; ++i) pack_pairs(rows + i * b_stride, p, k, panels + 2 * (j + i));
    }
    for (; j < kWidth; ++j, rows += b_stride) pack_pairs(j < count ? rows : nullptr, 0, k, panels + 2 * j);
  }
}

void pack_columns_bfloat16(const float* b, std::ptrdiff_t b_stride, int rows, int n, int k,
                           std::uint16_t* panels) noexcept {
  std::uint16_t neighbours[2][kWidth];
  for (int first = 0; first < n; first += kWidth) {
    const int count = std::min(kWidth, n - first);
    std::memset(neighbours, 0, sizeof neighbours);
    for (int p = 0; p < k; p += 2, panels += 2 * kWidth) {
      for (int i = 0; i < 2; ++i) {
        if (p + i < rows) {
          round_to_bfloat16(b + (p + i) * b_stride + first, count, neighbours[i]);
        } else {
          std::memset(neighbours[i], 0, sizeof neighbours[i]);
        }
      }
      for (int j = 0; j < kWidth; ++j) {
        panels[2 * j] = neighbours[0][j];
        panels[2 * j + 1] = neighbours[1][j];
      }
    }
  }
}

void matmul_panels_bfloat16(const Bfloat16MatMulArgs& args, const std::uint16_t* panels) noexcept {
  for (int j = 0; j < args.n; j += kWidth, panels += static_cast<std::ptrdiff_t>(args.k) * kWidth) {
    for (int i = 0; i < args.m;) {
      const int tiles = (args.m - i + kMostRows - 1) / kMostRows;
      const int rows = (args.m - i + tiles - 1) / tiles;
      tile_of_rows(args, panels, rows, i, j);
      i += rows;
    }
  }
}
#else
void pack_panels_bfloat16(const std::uint16_t*, std::ptrdiff_t, int, int, std::uint16_t*) noexcept {}
void pack_columns_bfloat16(const float*, std::ptrdiff_t, int, int, int, std::uint16_t*) noexcept {}
void matmul_panels_bfloat16(const Bfloat16MatMulArgs&, const std::uint16_t*) noexcept {}
#endif

}  // namespace epicrisis::kernels
