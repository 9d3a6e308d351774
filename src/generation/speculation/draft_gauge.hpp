#pragma once

#include <array>

#include "generation/speculation/prompt_lookup.hpp"

namespace epicrisis {

/// Learns how often the drafts of one sequence come true, and says how much of a draft is worth its cost. A
/// draft need not be fed to be learned from: what was chosen in its place tells. So one that does not pay is
/// not fed, and it is noticed when it would.
class DraftGauge {
 public:
  /// The model chose the token that a draft, after `context` tokens in common, foretold, or another one.
  void record(int context, bool came_true) noexcept;
  /// How many of the draft's tokens to feed, when each takes `cost` of what a step without drafts gives a
  /// token for: those whose chance to be chosen, all before them included, is clearly above that.
  int worthwhile(const Draft& draft, double cost) const noexcept;

 private:
  /// Contexts of 1, 2, 3, and 4 or more tokens.
  static constexpr int kKinds = 4;

  struct Counts {
    double came_true = 0;
    double all = 0;
  };
  static int kind_of(int context) noexcept;
  double chance(int kind) const noexcept;

  std::array<Counts, kKinds> counts_;
};

}  // namespace epicrisis
