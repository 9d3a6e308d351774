#pragma once

#include <ATen/core/Tensor.h>

namespace epicrisis::train {

/// The table [positions, width] of Vaswani et al. 2017, section 3.5, sines in the first half of a row and
/// cosines in the second, as the Pegasus and Marian implementations lay it out.
at::Tensor sinusoidal_positions(int positions, int width);

}  // namespace epicrisis::train
