#include "engine/layers/tiled_attention.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

#include "engine/kernels/packed_matmul.hpp"
#include "engine/kernels/rowwise.hpp"

namespace epicrisis::engine {
namespace {

std::size_t key_floats(int head_dim, bool narrow) noexcept {
  return kernels::panels_floats(kKeyTile, head_dim) / (narrow ? 2 : 1);
}

// The parts of a call's scratch.
struct Scratch {
  float* scores;                 // [kQueryBlock, kKeyTile]
  float* product;                // [kQueryBlock, Dh]
  std::uint16_t* queries;        // [kQueryBlock, Dh]
  std::uint16_t* probabilities;  // [kQueryBlock, kKeyTile]
};

Scratch parts_of(float* memory, int head_dim) noexcept {
  Scratch scratch{};
  scratch.scores = memory;
  scratch.product = scratch.scores + kQueryBlock * kKeyTile;
  scratch.queries = reinterpret_cast<std::uint16_t*>(scratch.product + kQueryBlock * head_dim);
  scratch.probabilities = scratch.queries + kQueryBlock * head_dim;
  return scratch;
}

// scores = queries * keys^T
void score(const TiledAttention& attention, const Scratch& scratch, const float* tile, int count) noexcept {
  if (attention.narrow) {
    kernels::Bfloat16MatMulArgs args;
    args.a = scratch.queries;
    args.a_stride = args.k = attention.head_dim;
    args.c = scratch.scores;
    args.c_stride = kKeyTile;
    args.m = attention.query_count;
    args.n = count;
    return kernels::matmul_panels_bfloat16(args, reinterpret_cast<const std::uint16_t*>(tile));
  }
  kernels::MatMulArgs args;
  args.a = attention.queries;
  args.a_stride = args.k = attention.head_dim;
  args.c = scratch.scores;
  args.c_stride = kKeyTile;
  args.m = attention.query_count;
  args.n = count;
  kernels::matmul_panels(args, tile);
}

// to [query_count, Dh] = scores * values
void weigh(const TiledAttention& attention, const Scratch& scratch, const float* tile, int first, int count,
           float* to, std::ptrdiff_t to_stride) noexcept {
  if (!attention.narrow) {
    kernels::MatMulArgs args;
    args.a = scratch.scores;
    args.a_stride = kKeyTile;
    args.b = attention.values + static_cast<std::ptrdiff_t>(first) * attention.head_dim;
    args.b_stride = args.n = attention.head_dim;
    args.c = to;
    args.c_stride = to_stride;
    args.m = attention.query_count;
    args.k = count;
    return kernels::matmul_nn(args);
  }
  const int even = count + count % 2;  // values past the last are zero, and so is what they are weighed with
  for (int q = 0; q < attention.query_count; ++q) {
    if (even > count) scratch.scores[q * kKeyTile + count] = 0.0F;
    kernels::round_to_bfloat16(scratch.scores + q * kKeyTile, even, scratch.probabilities + q * kKeyTile);
  }
  kernels::Bfloat16MatMulArgs args;
  args.a = scratch.probabilities;
  args.a_stride = kKeyTile;
  args.c = to;
  args.c_stride = to_stride;
  args.m = attention.query_count;
  args.n = attention.head_dim;
  args.k = even;
  const float* values = tile + key_floats(attention.head_dim, true);
  // A panel of values holds all kKeyTile of them: with several panels each is multiplied on its own.
  for (int column = 0; column < attention.head_dim; column += 64) {
    args.c = to + column;
    args.n = std::min(64, attention.head_dim - column);
    kernels::matmul_panels_bfloat16(args, reinterpret_cast<const std::uint16_t*>(values) +
                                              static_cast<std::ptrdiff_t>(column) * kKeyTile);
  }
}

}  // namespace

std::size_t tile_floats(int head_dim, bool narrow) noexcept {
  const std::size_t keys = key_floats(head_dim, narrow);
  return narrow ? keys + kernels::panels_floats(head_dim, kKeyTile) / 2 : keys;
}

std::size_t tile_scratch_floats(int head_dim) noexcept {
  return static_cast<std::size_t>(kQueryBlock) * static_cast<std::size_t>(2 * (kKeyTile + head_dim));
}

void pack_tile(const float* keys, const float* values, int count, int head_dim, bool narrow, float* tile,
               float* scratch) noexcept {
  if (!narrow) return kernels::pack_panels(keys, head_dim, count, head_dim, tile);
  auto* rows = reinterpret_cast<std::uint16_t*>(scratch);
  kernels::round_to_bfloat16(keys, count * head_dim, rows);
  kernels::pack_panels_bfloat16(rows, head_dim, count, head_dim, reinterpret_cast<std::uint16_t*>(tile));
  kernels::pack_columns_bfloat16(values, head_dim, count, head_dim, kKeyTile,
                                 reinterpret_cast<std::uint16_t*>(tile + key_floats(head_dim, true)));
}

void attend_tiled(const TiledAttention& attention) noexcept {
  const int width = attention.head_dim;
  const Scratch scratch = parts_of(attention.scratch, width);
  if (attention.narrow)
    kernels::round_to_bfloat16(attention.queries, attention.query_count * width, scratch.queries);
  std::array<kernels::SoftmaxState, kQueryBlock> states{};
  const float* tile = attention.tiles;
  for (int first = 0; first < attention.length; first += kKeyTile) {
    const int count = std::min(kKeyTile, attention.length - first);
    score(attention, scratch, tile, count);
    std::array<float, kQueryBlock> factors;
    for (int q = 0; q < attention.query_count; ++q) {
      const auto at = static_cast<std::size_t>(q);
      const float* bias = attention.bias != nullptr ? attention.bias + first - q : nullptr;
      factors[at] =
          kernels::softmax_tile(scratch.scores + q * kKeyTile, attention.scale, bias, count, states[at]);
    }
    if (first == 0) {
      weigh(attention, scratch, tile, first, count, attention.out, attention.out_stride);
    } else {
      weigh(attention, scratch, tile, first, count, scratch.product, width);
      for (int q = 0; q < attention.query_count; ++q) {
        float* out = attention.out + q * attention.out_stride;
        kernels::scale_add(out, factors[static_cast<std::size_t>(q)], scratch.product + q * width, width,
                           out);
      }
    }
    tile += tile_floats(width, attention.narrow);
  }
  for (int q = 0; q < attention.query_count; ++q) {
    float* out = attention.out + q * attention.out_stride;
    kernels::scale_add(out, 1.0F / states[static_cast<std::size_t>(q)].sum, nullptr, width, out);
  }
}

}  // namespace epicrisis::engine
