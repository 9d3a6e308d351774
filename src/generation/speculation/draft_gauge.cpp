#include "generation/speculation/draft_gauge.hpp"

#include <algorithm>
#include <cstddef>

namespace epicrisis {
namespace {

/// What is thought of drafts before any came true or not: the longer the context the better.
constexpr std::array<double, 4> kFirstChance = {0.25, 0.5, 0.6, 0.7};
/// How many observations that is worth.
constexpr double kFirstWeight = 3;
/// What an observation is worth one observation later.
constexpr double kMemory = 0.95;
/// How far above its cost a chance has to be: both are estimates.
constexpr double kMargin = 1.25;

}  // namespace

int DraftGauge::kind_of(int context) noexcept { return std::clamp(context, 1, kKinds) - 1; }

double DraftGauge::chance(int kind) const noexcept {
  const auto index = static_cast<std::size_t>(kind);
  const Counts& counts = counts_[index];
  return (counts.came_true + kFirstChance[index] * kFirstWeight) / (counts.all + kFirstWeight);
}

void DraftGauge::record(int context, bool came_true) noexcept {
  Counts& counts = counts_[static_cast<std::size_t>(kind_of(context))];
  counts.came_true = counts.came_true * kMemory + (came_true ? 1 : 0);
  counts.all = counts.all * kMemory + 1;
}

int DraftGauge::worthwhile(const Draft& draft, double cost) const noexcept {
  double chance_of_all = 1;
  int count = 0;
  while (count < static_cast<int>(draft.tokens.size())) {
    chance_of_all *= chance(kind_of(draft.context + count));
    if (chance_of_all <= kMargin * cost) break;
    ++count;
  }
  return count;
}

}  // namespace epicrisis
