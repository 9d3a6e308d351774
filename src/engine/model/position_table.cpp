#include "engine/model/position_table.hpp"

#include <cmath>

namespace epicrisis::engine {

PositionTable PositionTable::stored(const float* table, int width, int offset) {
  PositionTable positions;
  positions.table_ = table + static_cast<std::ptrdiff_t>(offset) * width;
  positions.width_ = width;
  return positions;
}

PositionTable PositionTable::sinusoidal(int positions, int width) {
  PositionTable table;
  table.width_ = width;
  for (int i = 0; 2 * i < width; ++i) table.divisors_.push_back(std::pow(10000.0, 2.0 * i / width));
  table.blocks_ =
      std::make_unique<Block[]>(static_cast<std::size_t>((positions + kBlockRows - 1) / kBlockRows));
  return table;
}

const float* PositionTable::row(int position) const {
  if (table_ != nullptr) return table_ + static_cast<std::ptrdiff_t>(position) * width_;
  if (blocks_ == nullptr) return nullptr;
  const int block_index = position / kBlockRows;
  Block& block = blocks_[static_cast<std::size_t>(block_index)];
  std::call_once(block.once, [&] {
    block.rows.resize(static_cast<std::size_t>(kBlockRows) * static_cast<std::size_t>(width_));
    const std::size_t sines = divisors_.size();
    for (int i = 0; i < kBlockRows; ++i) {
      float* row = block.rows.data() + static_cast<std::ptrdiff_t>(i) * width_;
      for (std::size_t j = 0; j < sines; ++j) {
        const double angle = (block_index * kBlockRows + i) / divisors_[j];
        row[j] = static_cast<float>(std::sin(angle));
        if (sines + j < static_cast<std::size_t>(width_))
          row[sines + j] = static_cast<float>(std::cos(angle));
      }
    }
  });
  return block.rows.data() + static_cast<std::ptrdiff_t>(position % kBlockRows) * width_;
}

}  // namespace epicrisis::engine
