#pragma once

#include <cstdint>
#include <vector>

#include "train/report/training_report.hpp"

namespace epicrisis::train {

struct ExampleChoice {
  std::vector<std::size_t> worst;   ///< Lowest score first.
  std::vector<std::size_t> random;  ///< Ascending; drawn from all, so some may be among the worst.
};

/// Indices of the `each` lowest of `scores` (of equal ones the first) and of `each` drawn with `seed`.
ExampleChoice choose_examples(const std::vector<double>& scores, std::size_t each, std::uint64_t seed);

}  // namespace epicrisis::train
