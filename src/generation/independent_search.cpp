#include "generation/independent_search.hpp"

#include <algorithm>
#include <utility>

#include "generation/log_softmax.hpp"

namespace epicrisis {

IndependentSearch::IndependentSearch(SearchInput input, std::vector<std::unique_ptr<TokenChooser>> choosers)
    : config_(input.config),
      limits_(input.limits),
      vocab_size_(static_cast<std::size_t>(input.vocab_size)),
      processors_(make_logits_processors(input.config, input.source, input.limits)),
      scores_(vocab_size_) {
  for (auto& chooser : choosers) sequences_.push_back({std::move(chooser), {input.prompt, 0}, 0});
  rows_ = {{-1, sequences_[0].grown.ids}};  // the sequences are still equal: one row stands for all
}

Result<bool> IndependentSearch::advance(std::span<float> logits) {
  rows_.clear();
  for (Sequence& sequence : sequences_) {
    if (sequence.row < 0) continue;
    const std::span<const float> raw =
        logits.subspan(static_cast<std::size_t>(sequence.row) * vocab_size_, vocab_size_);
    std::copy(raw.begin(), raw.end(), scores_.begin());
    for (const auto& processor : processors_) processor->apply(sequence.grown.ids, scores_);
    const TokenId token = sequence.chooser->choose(scores_);
    if (token < 0) return broken_logits();
    sequence.grown.ids.push_back(token);
    sequence.grown.score += static_cast<double>(raw[static_cast<std::size_t>(token)]) - log_sum_exp(raw);
    const bool finished = is_end_of_sequence(token, config_.eos_token_ids) ||
                          static_cast<int>(sequence.grown.ids.size()) >= limits_.max;
    if (finished) {
      sequence.row = -1;
    } else {
      rows_.push_back({sequence.row, {&sequence.grown.ids.back(), 1}});
      sequence.row = static_cast<int>(rows_.size()) - 1;
    }
  }
  return rows_.empty();
}

std::vector<Hypothesis> IndependentSearch::take_results() {
  std::vector<Hypothesis> results;
  for (Sequence& sequence : sequences_) results.push_back(std::move(sequence.grown));
  return results;
}

}  // namespace epicrisis
