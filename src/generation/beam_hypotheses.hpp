#pragma once

#include <vector>

#include "generation/generate.hpp"
#include "generation/generation_config.hpp"

namespace epicrisis {

/// Cuts `ids` to what `other` begins with too.
void cut_to_common_prefix(std::vector<TokenId>& ids, const std::vector<TokenId>& other);

/// The finished hypotheses of one source: the num_beams best so far, and the rule that ends the search.
class BeamHypotheses {
 public:
  BeamHypotheses(const GenerationConfig& config, int max_length);

  /// Offers `ids`, whose log-probabilities sum to `sum_log_probs`; scored by their number, so pass them
  /// without a closing end-of-sequence token.
  void add(const std::vector<TokenId>& ids, double sum_log_probs, bool ended);
  /// Whether no running hypothesis is to be waited for, when the best candidate of a step has
  /// `best_sum_log_probs` and `length` tokens, the new one included (see EarlyStopping).
  bool is_done(double best_sum_log_probs, int length) const;
  /// Cuts `ids` to what all hypotheses so far begin with.
  void cut_to_common_prefix_with_all(std::vector<TokenId>& ids) const;
  /// The best `count`, best first, with `eos` appended to those that ended. Of equal scores the later comes
  /// first.
  std::vector<Hypothesis> best(std::size_t count, TokenId eos) const;

 private:
  struct Entry {
    double score;
    bool ended;
    std::vector<TokenId> ids;
  };
  double normalised(double sum_log_probs, int length) const;
  double worst_score() const;

  std::size_t capacity_;
  EarlyStopping early_stopping_;
  double length_penalty_;
  int max_length_;
  std::vector<Entry> entries_;  ///< In order of arrival.
};

}  // namespace epicrisis
