#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

namespace epicrisis::engine {

/// Position embeddings [P, D]: a table of the checkpoint, or sines and cosines computed when first asked for,
/// so that a short note does not wait for a thousand positions. Thread-safe.
class PositionTable {
 public:
  /// No positions: row() is null.
  PositionTable() = default;
  /// Uses `table` [positions + offset, width], which outlives this; position p is its row p + offset.
  static PositionTable stored(const float* table, int width, int offset);
  /// Row p: sin(p / 10000^(2i / D)) for i < ceil(D / 2), then the cosines of the same angles. Vaswani et al.
  /// 2017, section 3.5, with the two halves side by side as Pegasus has them.
  static PositionTable sinusoidal(int positions, int width);

  /// The D elements of one position; null when there are none.
  const float* row(int position) const;

 private:
  static constexpr int kBlockRows = 32;
  struct Block {
    std::once_flag once;
    std::vector<float> rows;
  };

  const float* table_ = nullptr;  ///< The row of position 0.
  int width_ = 0;
  std::vector<double> divisors_;
  std::unique_ptr<Block[]> blocks_;
};

}  // namespace epicrisis::engine
