#pragma once

#include <cstddef>
#include <cstdint>

namespace epicrisis::kernels {

// Products of int8 weights, symmetric with one scale an output channel, and activations quantised row by row
// as they come. int32 sums are exact and each of the few float32 operations round them is rounded once, so a
// result has the same bits on every instruction set, in any batch and however the caller splits the work.

inline constexpr int kPanelOutputs = 16;  ///< Output channels of a panel of weights.
inline constexpr int kPanelInputs = 4;    ///< Inputs of one channel that stand together in it.
inline constexpr int kInt8Zero = 128;     ///< The byte of an activation of 0.
/// Sums of more products could pass the range of int32.
inline constexpr int kMostInt8Inputs = 65536;

/// A weight matrix [out, in] laid out for products: what pads it to whole panels is zero.
struct Int8Panels {
  const std::int8_t* weights = nullptr;   ///< [panels][ceil(in / 4)][16 outputs][4 inputs], in [-127, 127]
  const float* scales = nullptr;          ///< [panels * 16]: the value of a weight of 1.
  const std::int32_t* offsets = nullptr;  ///< [panels * 16]: -kInt8Zero * the sum of a channel's weights.
  int in = 0;
  int out = 0;
};

inline constexpr int panel_count(int out) noexcept { return (out + kPanelOutputs - 1) / kPanelOutputs; }
/// Groups of kPanelInputs inputs.
inline constexpr int panel_depth(int in) noexcept { return (in + kPanelInputs - 1) / kPanelInputs; }

/// q[i] = round(x[i] / scale) + kInt8Zero, ties to even, with scale = max |x| / 127, which is returned; what
/// pads q to 4 * panel_depth(n) bytes is kInt8Zero. A row of nothing, or of values too small for a scale,
/// has the scale 0; one with an infinity or a NaN has the scale NaN, which makes all of its products NaN.
float quantize_row(const float* x, int n, std::uint8_t* q) noexcept;

/// Quantises `count` <= 16 rows of weights into one panel: weights [panel_depth(in)][16][4], scales [16],
/// offsets [16]. rows: [count, in], contiguous. `scratch`: 16 * 4 * panel_depth(in) bytes.
void pack_int8_panel(const float* rows, int count, int in, std::int8_t* weights, float* scales,
                     std::int32_t* offsets, std::uint8_t* scratch) noexcept;

struct Int8MatMulArgs {
  const std::uint8_t* a = nullptr;  ///< [M, 4 * panel_depth(in)], from quantize_row().
  std::ptrdiff_t a_stride = 0;      ///< In bytes.
  const float* a_scales = nullptr;  ///< [M]
  Int8Panels b;
  int first = 0;       ///< First output channel to compute,
  int n = 0;           ///< and how many.
  float* c = nullptr;  ///< [M, n]
  std::ptrdiff_t c_stride = 0;
  int m = 0;
  const float* bias = nullptr;  ///< [n], or null for none.
  bool accumulate = false;      ///< c += product + bias instead of c = product + bias.
};

/// c[i][j] = float(sum of int8 products) * (a_scales[i] * scale of channel first + j) + bias[j].
void matmul_int8(const Int8MatMulArgs& args) noexcept;

namespace reference {
float quantize_row(const float* x, int n, std::uint8_t* q) noexcept;
void matmul_int8(const Int8MatMulArgs& args) noexcept;
}  // namespace reference

/// The integer part of a product: `rows` rows times the channels of `panels` panels that follow each other.
/// Wide tiles read weights once for a few rows; tall ones leave their two panels in L1 for many.
struct Int8Tile {
  static constexpr int kWideRows = 6;
  static constexpr int kWidePanels = 4;
  static constexpr int kTallRows = 12;
  static constexpr int kTallPanels = 2;
  static constexpr int kSumsStride = kWidePanels * kPanelOutputs;

  const std::uint8_t* a = nullptr;
  std::ptrdiff_t a_stride = 0;
  int rows = 0;
  const std::int8_t* weights = nullptr;
  int panels = 0;
  int depth = 0;  ///< panel_depth(in)
  const std::int32_t* offsets = nullptr;
  std::int32_t* sums = nullptr;  ///< [rows][kSumsStride]
};

/// With AVX512_VNNI, which the processor must have.
void int8_tile_vnni(const Int8Tile& tile) noexcept;

}  // namespace epicrisis::kernels
