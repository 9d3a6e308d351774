#pragma once

#include <vector>

namespace epicrisis::report {

/// Round numbers (1, 2 or 5 times a power of ten apart) that cover [low, high]: the first is not above low,
/// the last not below high. About `wanted` of them. Precondition: low <= high, both finite.
std::vector<double> round_ticks(double low, double high, int wanted);

}  // namespace epicrisis::report
