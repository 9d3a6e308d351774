#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "generation/logits_processors/logits_processor.hpp"
#include "generation/search.hpp"
#include "generation/speculation/drafts.hpp"

namespace epicrisis {

/// Picks the next token of one sequence.
class TokenChooser {
 public:
  virtual ~TokenChooser() = default;
  /// `scores` [V] are processed logits, which it may overwrite. -1 when none is a number.
  virtual TokenId choose(std::span<float> scores) = 0;
};

/// Sequences that grow side by side without competing: one for greedy search, num_return_sequences of them
/// for sampling. A result's score is the sum of the model's own log-probabilities, before any processor.
class IndependentSearch final : public Search {
 public:
  /// One sequence for each of `choosers`.
  IndependentSearch(SearchInput input, std::vector<std::unique_ptr<TokenChooser>> choosers);

  int max_rows() const noexcept override { return static_cast<int>(sequences_.size()); }
  std::span<const SearchRow> rows() const noexcept override { return rows_; }
  Result<bool> advance(std::span<float> logits) override;
  void expect_draft_cost(double share) override { draft_cost_ = share; }
  std::vector<TokenId> settled() const override { return sequences_.front().grown.ids; }
  std::vector<Hypothesis> take_results() override;

 private:
  struct Sequence {
    std::unique_ptr<TokenChooser> chooser;
    Hypothesis grown;
    std::optional<Drafts> drafts;
    std::vector<TokenId> fed = {};  ///< In the next step: the token chosen last, then drafts.
    int row = 0;                    ///< In rows_; -1 once finished.
    std::size_t first_logits = 0;   ///< Of its row.
  };

  Result<bool> choose(Sequence& sequence, std::span<const float> logits);
  void add_row(Sequence& sequence, int refused);

  const GenerationConfig& config_;
  LengthLimits limits_;
  std::size_t vocab_size_;
  LogitsProcessors processors_;
  std::vector<Sequence> sequences_;
  std::vector<SearchRow> rows_;
  std::vector<SearchRow> next_rows_;
  std::size_t scored_ = 0;  ///< Tokens of next_rows_.
  double draft_cost_ = 1;
  std::vector<float> scores_;  ///< [V]; the logits themselves are still needed for the score.
};

}  // namespace epicrisis
