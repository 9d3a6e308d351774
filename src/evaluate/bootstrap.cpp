#include "evaluate/bootstrap.hpp"

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace epicrisis::evaluate {
namespace {

/// `sorted` is not empty; `fraction` is in [0, 1].
double quantile(const std::vector<double>& sorted, double fraction) {
  const double position = fraction * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(std::floor(position));
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return std::lerp(sorted[below], sorted[above], position - std::floor(position));
}

}  // namespace

Interval bootstrap_mean(std::span<const double> values, const BootstrapOptions& options) {
  if (values.empty() || options.resamples == 0) return {};
  // The engine's numbers are fixed by the standard, those of the library's distributions are not: a 32-bit
  // draw is scaled by hand. Its bias, n / 2^32, is far below what an interval shows.
  std::mt19937_64 random(options.seed);
  std::vector<double> means(options.resamples);
  for (double& mean : means) {
    double sum = 0;
    for (std::size_t i = 0; i < values.size(); i += 2) {
      const std::uint64_t draw = random();
      sum += values[((draw >> 32) * values.size()) >> 32];
      if (i + 1 < values.size()) sum += values[((draw & 0xFFFFFFFFU) * values.size()) >> 32];
    }
    mean = sum / static_cast<double>(values.size());
  }
  std::ranges::sort(means);
  const double tail = (1 - options.confidence) / 2;
  return {quantile(means, tail), quantile(means, 1 - tail)};
}

}  // namespace epicrisis::evaluate
