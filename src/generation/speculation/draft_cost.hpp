#pragma once

#include <cstddef>

namespace epicrisis {

/// Learns what one token more costs in a step. The time of a step is taken to be a constant (the weights are
/// read) and a part for each token; both follow from a linear regression over recent steps.
class DraftCost {
 public:
  /// A step of `tokens` took `seconds`.
  void record(std::size_t tokens, double seconds) noexcept;
  /// The share of a step of `rows` tokens that grows with its tokens, in (0, 1]. A draft's token that is
  /// chosen with a greater probability than this makes tokens come faster: (rows + chosen) / time(rows +
  /// drafts) > rows / time(rows). Before steps of several lengths were seen, a cautious guess.
  double share(std::size_t rows) const noexcept;

 private:
  // Sums over steps, older ones counting less.
  double weight_ = 0;
  double tokens_ = 0;
  double seconds_ = 0;
  double tokens_squared_ = 0;
  double tokens_seconds_ = 0;
};

}  // namespace epicrisis
