#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "generation/beam_hypotheses.hpp"
#include "generation/logits_processors/logits_processor.hpp"
#include "generation/search.hpp"

namespace epicrisis {

/// A continuation of a beam.
struct Extension {
  int beam = 0;
  TokenId token = 0;
  double sum_log_probs = 0;
};

/// Whether `a` comes before `b` among the candidates of a step: the better first, of equal ones the earlier
/// beam's, then the lower token.
bool ranks_before(const Extension& a, const Extension& b) noexcept;

/// Decides which continuations a step considers.
class ExtensionChooser {
 public:
  virtual ~ExtensionChooser() = default;
  /// Sum of log-probabilities that beam `beam` starts with.
  virtual double initial_sum(int beam) const = 0;
  /// Takes the processed log-probabilities [V] of the next token of the beams [first_beam, first_beam +
  /// sums.size()), which end alike and have these sums so far.
  virtual void offer(std::span<const float> scores, int first_beam, std::span<const double> sums) = 0;
  /// Replaces `chosen` by the candidates among what was offered since the last call, in their order. Empty
  /// when nothing offered was a number.
  virtual void choose(std::vector<Extension>& chosen) = 0;
};

/// num_beams sequences that compete for their places, as transformers 4.27 has them: log-softmax, then the
/// processors; an end-of-sequence token counts only among the first num_beams candidates of a step.
class BeamSearch final : public Search {
 public:
  /// `returned`: how many hypotheses take_results() gives.
  BeamSearch(SearchInput input, std::unique_ptr<ExtensionChooser> chooser, int returned);

  int max_rows() const noexcept override { return config_.num_beams; }
  std::span<const SearchRow> rows() const noexcept override { return rows_; }
  Result<bool> advance(std::span<float> logits) override;
  /// What all beams and finished hypotheses begin with.
  std::vector<TokenId> settled() const override;
  std::vector<Hypothesis> take_results() override;

 private:
  struct Beam {
    std::vector<TokenId> ids;
    double sum_log_probs = 0;
  };

  void collect(std::span<float> logits);
  std::size_t extend_beams();

  const GenerationConfig& config_;
  LengthLimits limits_;
  std::size_t vocab_size_;
  LogitsProcessors processors_;
  std::unique_ptr<ExtensionChooser> chooser_;
  std::size_t returned_;
  BeamHypotheses finished_;
  bool done_ = false;
  std::vector<Beam> beams_;
  std::vector<Beam> next_beams_;
  std::vector<SearchRow> rows_;
  std::vector<double> sums_;  ///< Of the beams that share a row.
  std::vector<Extension> extensions_;
};

}  // namespace epicrisis
