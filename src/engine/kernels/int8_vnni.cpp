// By intrinsics: Highway 1.0.3 has no dot product of int8 elements.
#include "engine/kernels/int8_matmul.hpp"

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

#define EPICRISIS_VNNI __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni")))

constexpr std::ptrdiff_t kStepBytes = kPanelOutputs * kPanelInputs;

// 24 accumulators, a vector of each panel and one of activations fill the 32 registers.
template <int kRows, int kPanels>
EPICRISIS_VNNI void tile_of(const Int8Tile& tile) noexcept {
  __m512i sums[kRows][kPanels];
#pragma GCC unroll 8
  for (int p = 0; p < kPanels; ++p) {
    const __m512i offset = _mm512_loadu_si512(tile.offsets + p * kPanelOutputs);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) sums[r][p] = offset;
  }
  const std::ptrdiff_t panel_stride = tile.depth * kStepBytes;
  const std::int8_t* weights = tile.weights;
  const std::uint8_t* a = tile.a;
  for (int k = 0; k < tile.depth; ++k, weights += kStepBytes, a += kPanelInputs) {
    __m512i channels[kPanels];
#pragma GCC unroll 8
    for (int p = 0; p < kPanels; ++p) channels[p] = _mm512_loadu_si512(weights + p * panel_stride);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      int four = 0;
      __builtin_memcpy(&four, a + r * tile.a_stride, sizeof four);
      const __m512i inputs = _mm512_set1_epi32(four);
#pragma GCC unroll 8
      for (int p = 0; p < kPanels; ++p) sums[r][p] = _mm512_dpbusd_epi32(sums[r][p], inputs, channels[p]);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
    for (int p = 0; p < kPanels; ++p)
      _mm512_storeu_si512(tile.sums + r * Int8Tile::kSumsStride + p * kPanelOutputs, sums[r][p]);
  }
}

template <int kRows>
void tile_of_rows(const Int8Tile& tile) noexcept {
  switch (tile.panels) {
    case 1:
      return tile_of<kRows, 1>(tile);
    case 2:
      return tile_of<kRows, 2>(tile);
    case 3:
      return tile_of<kRows, 3>(tile);
    default:
      return tile_of<kRows, 4>(tile);
  }
}

}  // namespace

void int8_tile_vnni(const Int8Tile& tile) noexcept {
  switch (tile.rows) {
    case 1:
      return tile_of_rows<1>(tile);
    case 2:
      return tile_of_rows<2>(tile);
    case 3:
      return tile_of_rows<3>(tile);
    case 4:
      return tile_of_rows<4>(tile);
    case 5:
      return tile_of_rows<5>(tile);
    default:
      return tile_of_rows<6>(tile);
  }
}
#else
void int8_tile_vnni(const Int8Tile&) noexcept {}
#endif

}  // namespace epicrisis::kernels
