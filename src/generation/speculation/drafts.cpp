#include "generation/speculation/drafts.hpp"

#include <algorithm>

namespace epicrisis {

Drafts::Drafts(const GenerationConfig& config, std::span<const TokenId> source)
    : lookup_(source, {.max_tokens = config.prompt_lookup_num_tokens.value_or(0),
                       .max_ngram = config.max_matching_ngram_size,
                       .no_repeat_ngram = config.no_repeat_ngram_size,
                       .no_repeat_source_ngram = config.encoder_no_repeat_ngram_size}) {}

std::span<const TokenId> Drafts::propose(std::span<const TokenId> ids, int most, double cost) {
  lookup_.propose(ids, draft_);
  const int count = std::min(most, gauge_.worthwhile(draft_, cost));
  return std::span(draft_.tokens).first(static_cast<std::size_t>(std::max(0, count)));
}

void Drafts::learn(std::span<const TokenId> chosen) {
  for (std::size_t i = 0; i < std::min(chosen.size(), draft_.tokens.size()); ++i) {
    const bool came_true = chosen[i] == draft_.tokens[i];
    gauge_.record(draft_.context + static_cast<int>(i), came_true);
    if (!came_true) return;
  }
}

}  // namespace epicrisis
