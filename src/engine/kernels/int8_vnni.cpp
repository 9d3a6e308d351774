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

// At most 24 accumulators, a vector of each panel and one of activations: they fit the 32 registers.
template <int kRows, int kPanels>
EPICRISIS_VNNI void tile_of(const Int8Tile& tile) noexcept {
  __m512i sums[kRows][kPanels];
#pragma GCC unroll 12
  for (int p = 0; p < kPanels; ++p) {
    const __m512i offset = _mm512_loadu_si512(tile.offsets + p * kPanelOutputs);
#pragma GCC unroll 12
    for (int r = 0; r < kRows; ++r) sums[r][p] = offset;
  }
  const std::ptrdiff_t panel_stride = tile.depth * kStepBytes;
  const std::int8_t* weights = tile.weights;
  const std::uint8_t* a = tile.a;
  for (int k = 0; k < tile.depth; ++k, weights += kStepBytes, a += kPanelInputs) {
    __m512i channels[kPanels];
#pragma GCC unroll 12
    for (int p = 0; p < kPanels; ++p) channels[p] = _mm512_loadu_si512(weights + p * panel_stride);
#pragma GCC unroll 12
    for (int r = 0; r < kRows; ++r) {
      int four = 0;
      __builtin_memcpy(&four, a + r * tile.a_stride, sizeof four);
      const __m512i inputs = _mm512_set1_epi32(four);
#pragma GCC unroll 12
      for (int p = 0; p < kPanels; ++p) sums[r][p] = _mm512_dpbusd_epi32(sums[r][p], inputs, channels[p]);
    }
  }
#pragma GCC unroll 12
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 12
    for (int p = 0; p < kPanels; ++p)
      _mm512_storeu_si512(tile.sums + r * Int8Tile::kSumsStride + p * kPanelOutputs, sums[r][p]);
  }
}

using TileFunction = void (*)(const Int8Tile&) noexcept;

constexpr TileFunction kWideTiles[Int8Tile::kWideRows][Int8Tile::kWidePanels] = {
    {tile_of<1, 1>, tile_of<1, 2>, tile_of<1, 3>, tile_of<1, 4>},
    {tile_of<2, 1>, tile_of<2, 2>, tile_of<2, 3>, tile_of<2, 4>},
    {tile_of<3, 1>, tile_of<3, 2>, tile_of<3, 3>, tile_of<3, 4>},
    {tile_of<4, 1>, tile_of<4, 2>, tile_of<4, 3>, tile_of<4, 4>},
    {tile_of<5, 1>, tile_of<5, 2>, tile_of<5, 3>, tile_of<5, 4>},
    {tile_of<6, 1>, tile_of<6, 2>, tile_of<6, 3>, tile_of<6, 4>}};
constexpr TileFunction kTallTiles[Int8Tile::kTallRows - Int8Tile::kWideRows][Int8Tile::kTallPanels] = {
    {tile_of<7, 1>, tile_of<7, 2>},   {tile_of<8, 1>, tile_of<8, 2>},   {tile_of<9, 1>, tile_of<9, 2>},
    {tile_of<10, 1>, tile_of<10, 2>}, {tile_of<11, 1>, tile_of<11, 2>}, {tile_of<12, 1>, tile_of<12, 2>}};

}  // namespace

void int8_tile_vnni(const Int8Tile& tile) noexcept {
  if (tile.rows > Int8Tile::kWideRows)
    kTallTiles[tile.rows - Int8Tile::kWideRows - 1][tile.panels - 1](tile);
  else
    kWideTiles[tile.rows - 1][tile.panels - 1](tile);
}
#else
void int8_tile_vnni(const Int8Tile&) noexcept {}
#endif

}  // namespace epicrisis::kernels
