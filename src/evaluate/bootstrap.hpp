#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace epicrisis::evaluate {

struct Interval {
  double low = 0;
  double high = 0;
};

struct BootstrapOptions {
  std::size_t resamples = 1000;
  double confidence = 0.95;
  std::uint64_t seed = 1;  ///< Same seed and as many values: the same rows are drawn, so systems compare.
};

/// Percentile bootstrap interval of the mean (Efron 1979; Efron and Tibshirani 1993, chapter 13), quantiles
/// interpolated linearly. The same on every platform. {0, 0} for no values.
Interval bootstrap_mean(std::span<const double> values, const BootstrapOptions& options = {});

}  // namespace epicrisis::evaluate
