#include "generation/parallel_searches.hpp"

#include <utility>

namespace epicrisis {

ParallelSearches::ParallelSearches(std::vector<std::unique_ptr<Search>> searches, int vocab_size)
    : vocab_size_(static_cast<std::size_t>(vocab_size)) {
  for (auto& search : searches) searches_.push_back({std::move(search)});
  const std::span<const SearchRow> first = searches_.front().search->rows();
  rows_.assign(first.begin(), first.end());
}

int ParallelSearches::max_rows() const noexcept {
  int rows = 0;
  for (const Running& running : searches_) rows += running.search->max_rows();
  return rows;
}

Result<bool> ParallelSearches::advance(std::span<float> logits) {
  rows_.clear();
  for (Running& running : searches_) {
    if (running.finished) continue;
    std::span<float> own =
        logits.subspan(running.first_row * vocab_size_, running.search->rows().size() * vocab_size_);
    if (shares_row_) {
      copy_.assign(own.begin(), own.end());
      own = copy_;
    }
    EPICRISIS_ASSIGN_OR_RETURN(running.finished, running.search->advance(own));
    const auto previous_first_row = static_cast<int>(std::exchange(running.first_row, rows_.size()));
    if (running.finished) continue;
    for (const SearchRow& row : running.search->rows()) {
      rows_.push_back({previous_first_row + row.parent, row.tokens});
    }
  }
  shares_row_ = false;
  return rows_.empty();
}

std::vector<Hypothesis> ParallelSearches::take_results() {
  std::vector<Hypothesis> results;
  for (Running& running : searches_) {
    for (Hypothesis& hypothesis : running.search->take_results()) results.push_back(std::move(hypothesis));
  }
  return results;
}

}  // namespace epicrisis
