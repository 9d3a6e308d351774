#include "engine/kernels/int8_matmul.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "engine/kernels/cpu_extensions.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/int8_matmul.cpp"
#include "engine/kernels/every_target-inl.h"

#include "engine/kernels/load-inl.h"
#include "engine/kernels/vector-inl.h"

// Targets whose ReorderWidenMulAccumulate adds neighbouring products.
#ifdef EPICRISIS_INT8_VECTORS
#undef EPICRISIS_INT8_VECTORS
#endif
#if HWY_TARGET == HWY_SSE4 || HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
#define EPICRISIS_INT8_VECTORS 1
#else
#define EPICRISIS_INT8_VECTORS 0
#endif

HWY_BEFORE_NAMESPACE();
namespace epicrisis::kernels::HWY_NAMESPACE {
namespace {
#if !EPICRISIS_INT8_VECTORS
float QuantizeRow(const float* x, int n, std::uint8_t* q) { return reference::quantize_row(x, n, q); }
void MatMulInt8(const Int8MatMulArgs& args) { reference::matmul_int8(args); }
#else
using IntTag = hn::RebindToSigned<Tag>;
constexpr IntTag kIntTag;

// The bits of the largest |x[i]|. As integers they are ordered as the values are, and NaN stands above all.
HWY_INLINE std::int32_t largest_magnitude_bits(const float* x, int n) {
  const auto magnitude = hn::Set(kIntTag, 0x7FFFFFFF);
  auto largest = hn::Zero(kIntTag);
  int i = 0;
  for (; i + kLanes <= n; i += kLanes)
    largest = hn::Max(largest, hn::And(magnitude, hn::BitCast(kIntTag, hn::LoadU(kTag, x + i))));
  if (i < n)
    largest = hn::Max(largest, hn::And(magnitude, hn::BitCast(kIntTag, load_first(kTag, x + i, n - i))));
  return hn::GetLane(hn::MaxOfLanes(kIntTag, largest));
}

float QuantizeRow(const float* x, int n, std::uint8_t* q) {
  const auto padded = static_cast<std::size_t>(panel_depth(n) * kPanelInputs);
  const float largest = std::bit_cast<float>(largest_magnitude_bits(x, n));
  const float inverse = 127.0F / largest;
  if (!std::isfinite(largest) || !std::isfinite(inverse)) {
    std::memset(q, kInt8Zero, padded);
    return std::isfinite(largest) ? 0.0F : std::numeric_limits<float>::quiet_NaN();
  }
  const V factor = hn::Set(kTag, inverse);
  const auto zero = hn::Set(kIntTag, kInt8Zero);
  const hn::Rebind<std::uint8_t, Tag> bytes;
  int i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    const auto rounded = hn::NearestInt(hn::Mul(hn::LoadU(kTag, x + i), factor));
    hn::StoreU(hn::DemoteTo(bytes, hn::Add(rounded, zero)), bytes, q + i);
  }
  if (i < n) {
    const auto rounded = hn::NearestInt(hn::Mul(load_first(kTag, x + i, n - i), factor));
    HWY_ALIGN std::uint8_t last[kLanes];
    hn::Store(hn::DemoteTo(bytes, hn::Add(rounded, zero)), bytes, last);
    std::copy_n(last, n - i, q + i);
  }
  std::fill(q + n, q + padded, static_cast<std::uint8_t>(kInt8Zero));
  return largest / 127.0F;
}

using WideTag = hn::ScalableTag<std::int16_t>;
using WideIntTag = hn::RepartitionToWide<WideTag>;
constexpr WideTag kWideTag;
constexpr WideIntTag kWideIntTag;
constexpr int kWideLanes = static_cast<int>(hn::MaxLanes(WideTag()));
constexpr int kPanelVectors = kPanelOutputs * kPanelInputs / kWideLanes;  // int16 vectors of one step
constexpr int kVectorRows = 2;  // with the four accumulators a row of AVX2 they leave registers for the rest

// Products are widened to int16 first: pairs of products of int8 elements would saturate.
template <int kRows>
HWY_INLINE void vector_rows(const Int8Tile& tile, int first_row, int panel) {
  hn::Vec<WideIntTag> sums[kRows][kPanelVectors];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
    for (int v = 0; v < kPanelVectors; ++v) sums[r][v] = hn::Zero(kWideIntTag);
  }
  const hn::Rebind<std::int8_t, WideTag> narrow;
  const hn::Rebind<std::uint8_t, WideTag> narrow_unsigned;
  const hn::Repartition<std::uint32_t, decltype(narrow_unsigned)> fours;
  const std::int8_t* weights =
      tile.weights + static_cast<std::ptrdiff_t>(panel) * tile.depth * kPanelOutputs * kPanelInputs;
  const std::uint8_t* a = tile.a + first_row * tile.a_stride;
  for (int k = 0; k < tile.depth; ++k, weights += kPanelOutputs * kPanelInputs, a += kPanelInputs) {
    hn::Vec<WideTag> inputs[kRows];
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      std::uint32_t four = 0;
      std::memcpy(&four, a + r * tile.a_stride, sizeof four);
      inputs[r] = hn::PromoteTo(kWideTag, hn::BitCast(narrow_unsigned, hn::Set(fours, four)));
    }
#pragma GCC unroll 8
    for (int v = 0; v < kPanelVectors; ++v) {
      const auto channels = hn::PromoteTo(kWideTag, hn::LoadU(narrow, weights + v * kWideLanes));
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
        auto unused = hn::Zero(kWideIntTag);
        sums[r][v] = hn::ReorderWidenMulAccumulate(kWideIntTag, channels, inputs[r], sums[r][v], unused);
      }
    }
  }
  const std::int32_t* offsets = tile.offsets + panel * kPanelOutputs;
  for (int r = 0; r < kRows; ++r) {
    HWY_ALIGN std::int32_t halves[2 * kPanelOutputs];
    for (int v = 0; v < kPanelVectors; ++v) hn::Store(sums[r][v], kWideIntTag, halves + v * kWideLanes / 2);
    std::int32_t* to = tile.sums + (first_row + r) * Int8Tile::kSumsStride + panel * kPanelOutputs;
    for (int j = 0; j < kPanelOutputs; ++j) to[j] = halves[2 * j] + halves[2 * j + 1] + offsets[j];
  }
}

void vector_tile(const Int8Tile& tile) {
  for (int panel = 0; panel < tile.panels; ++panel) {
    int row = 0;
    for (; row + kVectorRows <= tile.rows; row += kVectorRows) vector_rows<kVectorRows>(tile, row, panel);
    if (row < tile.rows) vector_rows<1>(tile, row, panel);
  }
}

// c[0 .. count) (+)= sums * (scales * row_scale) + bias.
HWY_INLINE void finish_row(const std::int32_t* sums, const float* scales, float row_scale, const float* bias,
                           bool accumulate, int count, float* c) {
  const V row_scales = hn::Set(kTag, row_scale);
  int j = 0;
  for (; j + kLanes <= count; j += kLanes) {
    const V factor = hn::Mul(hn::LoadU(kTag, scales + j), row_scales);
    V value = hn::Mul(hn::ConvertTo(kTag, hn::LoadU(kIntTag, sums + j)), factor);
    if (bias != nullptr) value = hn::Add(value, hn::LoadU(kTag, bias + j));
    if (accumulate) value = hn::Add(value, hn::LoadU(kTag, c + j));
    hn::StoreU(value, kTag, c + j);
  }
  for (; j < count; ++j) {
    float value = static_cast<float>(sums[j]) * (scales[j] * row_scale);
    if (bias != nullptr) value += bias[j];
    c[j] = accumulate ? value + c[j] : value;
  }
}

// Even shares of at most `most` rows.
HWY_INLINE int rows_of_next_tile(int left, int most) {
  const int tiles = (left + most - 1) / most;
  return (left + tiles - 1) / tiles;
}

void MatMulInt8(const Int8MatMulArgs& args) {
#if HWY_TARGET == HWY_AVX3
  const auto tile_sums = cpu_extensions().vnni ? int8_tile_vnni : vector_tile;
#else
  const auto tile_sums = vector_tile;
#endif
  const bool is_tall = args.m > Int8Tile::kWideRows;
  const int most_rows = is_tall ? Int8Tile::kTallRows : Int8Tile::kWideRows;
  const int most_panels = is_tall ? Int8Tile::kTallPanels : Int8Tile::kWidePanels;
  HWY_ALIGN std::int32_t sums[Int8Tile::kTallRows * Int8Tile::kSumsStride];
  Int8Tile tile;
  tile.a_stride = args.a_stride;
  tile.depth = panel_depth(args.b.in);
  tile.sums = sums;
  const std::ptrdiff_t panel_bytes = static_cast<std::ptrdiff_t>(tile.depth) * kPanelOutputs * kPanelInputs;
  const int past_panel = panel_count(args.first + args.n);
  for (int panel = args.first / kPanelOutputs; panel < past_panel; panel += most_panels) {
    tile.weights = args.b.weights + panel * panel_bytes;
    tile.panels = std::min(most_panels, past_panel - panel);
    const int channel = panel * kPanelOutputs;  // of the first sum
    tile.offsets = args.b.offsets + channel;
    const int from = std::max(args.first, channel);
    const int count = std::min(args.first + args.n, channel + tile.panels * kPanelOutputs) - from;
    for (int row = 0; row < args.m; row += tile.rows) {
      tile.rows = rows_of_next_tile(args.m - row, most_rows);
      tile.a = args.a + row * args.a_stride;
      tile_sums(tile);
      for (int r = 0; r < tile.rows; ++r)
        finish_row(sums + r * Int8Tile::kSumsStride + from - channel, args.b.scales + from,
                   args.a_scales[row + r], args.bias == nullptr ? nullptr : args.bias + from - args.first,
                   args.accumulate, count, args.c + (row + r) * args.c_stride + from - args.first);
    }
  }
}

#endif  // EPICRISIS_INT8_VECTORS
}  // namespace
}  // namespace epicrisis::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace epicrisis::kernels {
HWY_EXPORT(QuantizeRow);
HWY_EXPORT(MatMulInt8);

float quantize_row(const float* x, int n, std::uint8_t* q) noexcept {
  return HWY_DYNAMIC_DISPATCH(QuantizeRow)(x, n, q);
}
void matmul_int8(const Int8MatMulArgs& args) noexcept { HWY_DYNAMIC_DISPATCH(MatMulInt8)(args); }

void pack_int8_panel(const float* rows, int count, int in, std::int8_t* weights, float* scales,
                     std::int32_t* offsets, std::uint8_t* scratch) noexcept {
  const int depth = panel_depth(in);
  const std::ptrdiff_t stride = static_cast<std::ptrdiff_t>(depth) * kPanelInputs;
  for (int o = 0; o < kPanelOutputs; ++o) {
    std::uint8_t* q = scratch + o * stride;
    if (o < count) {
      scales[o] = quantize_row(rows + static_cast<std::ptrdiff_t>(o) * in, in, q);
    } else {
      scales[o] = 0.0F;
      std::memset(q, kInt8Zero, static_cast<std::size_t>(stride));
    }
    std::int32_t sum = 0;
    for (std::ptrdiff_t i = 0; i < stride; ++i) sum += q[i] - kInt8Zero;
    offsets[o] = -kInt8Zero * sum;
  }
  for (std::ptrdiff_t k = 0; k < depth; ++k) {
    for (int o = 0; o < kPanelOutputs; ++o) {
      std::uint32_t four = 0;
      std::memcpy(&four, scratch + o * stride + k * kPanelInputs, sizeof four);
      four ^= 0x80808080U;  // bytes less kInt8Zero, as int8
      std::memcpy(weights + (k * kPanelOutputs + o) * kPanelInputs, &four, sizeof four);
    }
  }
}

namespace reference {

float quantize_row(const float* x, int n, std::uint8_t* q) noexcept {
  std::fill_n(q, panel_depth(n) * kPanelInputs, static_cast<std::uint8_t>(kInt8Zero));
  float largest = 0;
  for (int i = 0; i < n; ++i) {
    if (!std::isfinite(x[i])) return std::numeric_limits<float>::quiet_NaN();
    largest = std::max(largest, std::abs(x[i]));
  }
  const float inverse = 127.0F / largest;
  if (!std::isfinite(inverse)) return 0.0F;
  for (int i = 0; i < n; ++i)
    q[i] = static_cast<std::uint8_t>(static_cast<int>(std::nearbyint(x[i] * inverse)) + kInt8Zero);
  return largest / 127.0F;
}

void matmul_int8(const Int8MatMulArgs& args) noexcept {
  const std::ptrdiff_t depth = panel_depth(args.b.in);
  for (int i = 0; i < args.m; ++i) {
    for (int j = 0; j < args.n; ++j) {
      const int channel = args.first + j;
      std::int32_t sum = 0;
      for (std::ptrdiff_t p = 0; p < args.b.in; ++p) {
        const std::ptrdiff_t step = (channel / kPanelOutputs) * depth + p / kPanelInputs;
        const std::ptrdiff_t at =
            (step * kPanelOutputs + channel % kPanelOutputs) * kPanelInputs + p % kPanelInputs;
        sum += (args.a[i * args.a_stride + p] - kInt8Zero) * args.b.weights[at];
      }
      float value = static_cast<float>(sum) * (args.b.scales[channel] * args.a_scales[i]);
      if (args.bias != nullptr) value += args.bias[j];
      float& c = args.c[i * args.c_stride + j];
      c = args.accumulate ? value + c : value;
    }
  }
}

}  // namespace reference
}  // namespace epicrisis::kernels
#endif
