#pragma once

#include <memory>
#include <span>
#include <vector>

#include "generation/search.hpp"

namespace epicrisis {

/// Searches of one source that know nothing of each other, computed in the same steps. Their results follow
/// each other.
class ParallelSearches final : public Search {
 public:
  /// Precondition: the searches begin with the same single row; there is at least one.
  ParallelSearches(std::vector<std::unique_ptr<Search>> searches, int vocab_size);

  int max_rows() const noexcept override;
  std::span<const SearchRow> rows() const noexcept override { return rows_; }
  Result<bool> advance(std::span<float> logits) override;
  std::vector<Hypothesis> take_results() override;

 private:
  struct Running {
    std::unique_ptr<Search> search;
    std::size_t first_row = 0;  ///< In rows_.
    bool finished = false;
  };

  std::vector<Running> searches_;
  std::size_t vocab_size_;
  bool shares_row_ = true;  ///< The first step: one row stands for all.
  std::vector<SearchRow> rows_;
  std::vector<float> copy_;  ///< [V]; a search overwrites the logits it is given.
};

}  // namespace epicrisis
