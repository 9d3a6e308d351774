#include "train/sinusoidal_positions.hpp"

#include <ATen/ATen.h>

#include <cmath>

namespace epicrisis::train {

at::Tensor sinusoidal_positions(int positions, int width) {
  at::Tensor table = at::empty({positions, width}, at::kFloat);
  float* values = table.data_ptr<float>();
  const int half = (width + 1) / 2;
  for (int position = 0; position < positions; ++position) {
    for (int column = 0; column < width; ++column) {
      const double angle = position / std::pow(10000.0, 2.0 * (column / 2) / width);
      // Columns 0, 2, 4, ... give the sines, in the first half; columns 1, 3, 5, ... the cosines, in the
      // second.
      const int target = column % 2 == 0 ? column / 2 : half + column / 2;
      values[position * width + target] =
          static_cast<float>(column % 2 == 0 ? std::sin(angle) : std::cos(angle));
    }
  }
  return table;
}

}  // namespace epicrisis::train
