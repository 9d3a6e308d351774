// By intrinsics: Highway 1.0.3 has no dot product of bfloat16 elements.
#include <algorithm>

#include "engine/kernels/bfloat16_matmul.hpp"

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

constexpr int kLanes = 32;         // Elements of a vector.
constexpr int kMostRows = 6;       // With four columns, 24 of 32 registers hold sums.
constexpr int kDepthBlock = 2048;  // A tile's rows stay in L1. Depends on nothing, so neither does a sum.
constexpr int kQuad = 4;

// A vector of elements, or its first `count` and zeros.
template <bool kPartial>
EPICRISIS_BF16 inline __m512bh load(const std::uint16_t* p, int count) noexcept {
  if constexpr (kPartial) return (__m512bh)_mm512_maskz_loadu_epi16((1U << count) - 1U, p);
  return (__m512bh)_mm512_loadu_si512(p);
}

template <int kRows, int kColumns, bool kPartial>
EPICRISIS_BF16 inline void add_products(const std::uint16_t* a, std::ptrdiff_t a_stride,
                                        const std::uint16_t* const* b, int p, int count,
                                        std::ptrdiff_t prefetched, __m512 (&sums)[kRows][kColumns]) noexcept {
  __m512bh rows[kRows];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) rows[r] = load<kPartial>(a + r * a_stride, count);
#pragma GCC unroll 8
  for (int j = 0; j < kColumns; ++j) {
    const __m512bh column = load<kPartial>(b[j] + p, count);
    // One row is bound by memory, whose own prefetching starts anew with each row of weights.
    if constexpr (kRows == 1) _mm_prefetch(b[j] + p + prefetched, _MM_HINT_T0);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) sums[r][j] = _mm512_dpbf16_ps(sums[r][j], rows[r], column);
  }
}

// {sum of a's lanes, of b's, of c's, of d's}
EPICRISIS_BF16 inline __m128 sum_lanes_of_four(__m512 a, __m512 b, __m512 c, __m512 d) noexcept {
  const __m512 ab = _mm512_add_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
  const __m512 cd = _mm512_add_ps(_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d));
  const __m512d low = _mm512_unpacklo_pd(_mm512_castps_pd(ab), _mm512_castps_pd(cd));
  const __m512d high = _mm512_unpackhi_pd(_mm512_castps_pd(ab), _mm512_castps_pd(cd));
  const __m512 sums = _mm512_add_ps(_mm512_castpd_ps(low), _mm512_castpd_ps(high));
  const __m256 upper = _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(sums), 1));
  const __m256 half = _mm256_add_ps(_mm512_castps512_ps256(sums), upper);
  return _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
}

// Where a run of tiles stands: columns [j, j + columns) of c, depth [p, p + depth).
struct Stripe {
  int j;
  int p;
  int depth;
};

EPICRISIS_BF16 inline void store_quad(const Bfloat16MatMulArgs& args, __m128 sum, int row, int column,
                                      bool first_depth) noexcept {
  const int count = std::min(kQuad, args.n - column);
  if (count <= 0) return;
  const auto mask = static_cast<__mmask8>((1U << count) - 1U);
  float* c = args.c + row * args.c_stride + column;
  if (first_depth && args.bias != nullptr)
    sum = _mm_add_ps(sum, _mm_maskz_loadu_ps(mask, args.bias + column));
  if (args.accumulate || !first_depth) sum = _mm_add_ps(sum, _mm_maskz_loadu_ps(mask, c));
  _mm_mask_storeu_ps(c, mask, sum);
}

template <int kRows, int kQuads>
EPICRISIS_BF16 void tile(const Bfloat16MatMulArgs& args, int row, const Stripe& stripe) noexcept {
  constexpr int kColumns = kQuad * kQuads;
  const std::uint16_t* a = args.a + row * args.a_stride + stripe.p;
  const std::uint16_t* b[kColumns];  // past the last column its copies are computed and not stored
#pragma GCC unroll 8
  for (int j = 0; j < kColumns; ++j)
    b[j] = args.b + std::min(stripe.j + j, args.n - 1) * args.b_stride + stripe.p;
  __m512 sums[kRows][kColumns];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
    for (int j = 0; j < kColumns; ++j) sums[r][j] = _mm512_setzero_ps();
  }
  const std::ptrdiff_t prefetched = kColumns * args.b_stride;
  int p = 0;
  for (; p + kLanes <= stripe.depth; p += kLanes)
    add_products<kRows, kColumns, false>(a + p, args.a_stride, b, p, kLanes, prefetched, sums);
  if (p < stripe.depth)
    add_products<kRows, kColumns, true>(a + p, args.a_stride, b, p, stripe.depth - p, prefetched, sums);
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
    for (int q = 0; q < kQuads; ++q) {
      const __m512* four = sums[r] + kQuad * q;
      store_quad(args, sum_lanes_of_four(four[0], four[1], four[2], four[3]), row + r, stripe.j + kQuad * q,
                 stripe.p == 0);
    }
  }
}

void tile_of_rows(const Bfloat16MatMulArgs& args, int rows, int row, const Stripe& stripe) noexcept {
  switch (rows) {
    case 1:
      return tile<1, 1>(args, row, stripe);
    case 2:
      return tile<2, 1>(args, row, stripe);
    case 3:
      return tile<3, 1>(args, row, stripe);
    case 4:
      return tile<4, 1>(args, row, stripe);
    case 5:
      return tile<5, 1>(args, row, stripe);
    default:
      return tile<6, 1>(args, row, stripe);
  }
}

}  // namespace

void matmul_bfloat16(const Bfloat16MatMulArgs& args) noexcept {
  for (int p = 0; p < args.k; p += kDepthBlock) {
    const int depth = std::min(kDepthBlock, args.k - p);
    if (args.m == 1) {  // Eight chains of additions hide the latency that one row's four would show.
      for (int j = 0; j < args.n; j += 2 * kQuad) tile<1, 2>(args, 0, {j, p, depth});
      continue;
    }
    for (int j = 0; j < args.n; j += kQuad) {
      for (int row = 0; row < args.m;) {
        const int tiles = (args.m - row + kMostRows - 1) / kMostRows;
        const int rows = (args.m - row + tiles - 1) / tiles;
        tile_of_rows(args, rows, row, {j, p, depth});
        row += rows;
      }
    }
  }
}
#else
void matmul_bfloat16(const Bfloat16MatMulArgs& args) noexcept { reference::matmul_bfloat16(args); }
#endif

}  // namespace epicrisis::kernels
