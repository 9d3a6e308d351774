#pragma once

#include <memory>
#include <span>
#include <vector>

#include "base/result.hpp"
#include "generation/generate.hpp"
#include "generation/generation_config.hpp"
#include "generation/stopping.hpp"

namespace epicrisis {

/// One row that a search wants computed next.
struct SearchRow {
  int parent = -1;  ///< Row of this search's previous step; -1 in the first step.
  std::span<const TokenId> tokens;
  int dropped = 0;  ///< See HypothesisStep.
  int scored = 1;   ///< See HypothesisStep.
};

/// The search for the sequences of one source: pure bookkeeping between two steps of the backend. It sees no
/// other source, which is why batch mates cannot change a result.
class Search {
 public:
  virtual ~Search() = default;
  /// Most rows a step of this search has.
  virtual int max_rows() const noexcept = 0;
  /// The rows of the next step; valid until advance(). The first step has one, which feeds the prompt.
  virtual std::span<const SearchRow> rows() const noexcept = 0;
  /// Takes the logits of the scored tokens of those rows, [sum of scored, V], which it overwrites; true when
  /// the search is over.
  /// Errors: kCorrupt when the model's numbers are no numbers.
  virtual Result<bool> advance(std::span<float> logits) = 0;
  /// What a drafted token costs from now on; see DraftCost::share(). At first 1: more than it can give.
  virtual void expect_draft_cost(double /*share*/) {}
  /// The beginning, prompt included, that the first result is sure to have, whatever comes; empty where that
  /// is not known. While the search is not over.
  virtual std::vector<TokenId> settled() const { return {}; }
  /// The num_return_sequences results: of a search best first, else as drawn; once, after the search is over.
  virtual std::vector<Hypothesis> take_results() = 0;
};

/// What a search needs to know of its source. `config` outlives the search.
struct SearchInput {
  const GenerationConfig& config;
  std::span<const TokenId> source;  ///< For the settings that look at it; outlives the search.
  std::vector<TokenId> prompt;      ///< Start token, or a decoder-only model's prompt.
  LengthLimits limits;
  int vocab_size = 0;
  bool may_draft = false;  ///< Whether rows may have drafts: see Backend::scores_drafts().
};

std::unique_ptr<Search> make_greedy_search(SearchInput input);
std::unique_ptr<Search> make_sampling(SearchInput input);
std::unique_ptr<Search> make_beam_search(SearchInput input);
/// num_return_sequences beam searches that draw their candidates, of which each gives its best hypothesis.
std::unique_ptr<Search> make_beam_sampling(SearchInput input);

/// The error of a model whose output is not a number.
Error broken_logits();

}  // namespace epicrisis
