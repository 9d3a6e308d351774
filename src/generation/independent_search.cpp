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
  const bool drafts = input.may_draft && config_.prompt_lookup_num_tokens.value_or(0) > 0;
  // A prompt is part of what is written, so it is not looked up twice.
  const auto looked_up = limits_.prompt > 1 ? std::span<const TokenId>() : input.source;
  for (auto& chooser : choosers) {
    sequences_.push_back({std::move(chooser), {input.prompt, 0, 0}, {}});
    if (drafts) sequences_.back().drafts.emplace(config_, looked_up);
  }
  rows_ = {{-1, sequences_[0].grown.ids}};  // the sequences are still equal: one row stands for all
}

Result<bool> IndependentSearch::advance(std::span<float> logits) {
  scored_ = 0;
  next_rows_.clear();
  for (Sequence& sequence : sequences_) {
    if (sequence.row < 0) continue;
    const SearchRow& row = rows_[static_cast<std::size_t>(sequence.row)];
    const std::size_t before = sequence.grown.ids.size();
    EPICRISIS_ASSIGN_OR_RETURN(
        const bool finished,
        choose(sequence,
               logits.subspan(sequence.first_logits, static_cast<std::size_t>(row.scored) * vocab_size_)));
    ++sequence.grown.steps;
    const std::span<const TokenId> chosen = std::span(sequence.grown.ids).subspan(before);
    if (sequence.drafts) sequence.drafts->learn(chosen);
    if (finished) {
      sequence.row = -1;
    } else {
      add_row(sequence, row.scored - static_cast<int>(chosen.size()));
    }
  }
  std::swap(rows_, next_rows_);
  return rows_.empty();
}

/// Appends the tokens that the sequence's scored tokens give, up to the first that was not drafted; true when
/// one of them ends the sequence. logits: [scored, V].
Result<bool> IndependentSearch::choose(Sequence& sequence, std::span<const float> logits) {
  for (std::size_t i = 0; i * vocab_size_ < logits.size(); ++i) {
    const std::span<const float> raw = logits.subspan(i * vocab_size_, vocab_size_);
    std::copy(raw.begin(), raw.end(), scores_.begin());
    for (const auto& processor : processors_) processor->apply(sequence.grown.ids, scores_);
    const TokenId token = sequence.chooser->choose(scores_);
    if (token < 0) return broken_logits();
    sequence.grown.ids.push_back(token);
    sequence.grown.score += static_cast<double>(raw[static_cast<std::size_t>(token)]) - log_sum_exp(raw);
    if (is_end_of_sequence(token, config_.eos_token_ids) ||
        static_cast<int>(sequence.grown.ids.size()) >= limits_.max) {
      return true;
    }
    if (i + 1 < sequence.fed.size() && token != sequence.fed[i + 1]) return false;
  }
  return false;
}

/// The sequence's row of the next step, which forgets `refused` drafts of its last one.
void IndependentSearch::add_row(Sequence& sequence, int refused) {
  const std::vector<TokenId>& ids = sequence.grown.ids;
  sequence.fed.assign(1, ids.back());
  if (sequence.drafts) {
    const int room = limits_.max - static_cast<int>(ids.size()) - 1;
    const std::span<const TokenId> drafts = sequence.drafts->propose(ids, room, draft_cost_);
    sequence.fed.insert(sequence.fed.end(), drafts.begin(), drafts.end());
  }
  const auto scored = static_cast<int>(sequence.fed.size());
  next_rows_.push_back({sequence.row, sequence.fed, refused, scored});
  sequence.row = static_cast<int>(next_rows_.size()) - 1;
  sequence.first_logits = scored_ * vocab_size_;
  scored_ += sequence.fed.size();
}

std::vector<Hypothesis> IndependentSearch::take_results() {
  std::vector<Hypothesis> results;
  for (Sequence& sequence : sequences_) results.push_back(std::move(sequence.grown));
  return results;
}

}  // namespace epicrisis
