#include "report/ticks.hpp"

#include <algorithm>
#include <cmath>

namespace epicrisis::report {
namespace {

double round_step(double rough) {
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  const double leading = rough / power;
  return (leading <= 1 ? 1 : leading <= 2 ? 2 : leading <= 5 ? 5 : 10) * power;
}

}  // namespace

std::vector<double> round_ticks(double low, double high, int wanted) {
  if (high - low < 1e-12 * std::max(std::abs(low), std::abs(high)) || high == low) {
    const double room = low == 0 ? 1 : std::abs(low) * 0.5;
    low -= room;
    high += room;
  }
  const double step = round_step((high - low) / std::max(1, wanted - 1));
  const double first = std::floor(low / step + 1e-9);
  const double last = std::ceil(high / step - 1e-9);
  std::vector<double> ticks;
  for (double i = first; i <= last; ++i) ticks.push_back(i * step);
  return ticks;
}

}  // namespace epicrisis::report
