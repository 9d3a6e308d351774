#include "generation/logits_processors/bad_words.hpp"

#include <algorithm>

namespace epicrisis {

BadWords::BadWords(const std::vector<std::vector<TokenId>>& words, std::span<const TokenId> eos_token_ids) {
  for (const std::vector<TokenId>& word : words) {
    if (word.empty() || (word.size() == 1 && is_end_of_sequence(word[0], eos_token_ids))) continue;
    words_.push_back(word);
  }
}

void BadWords::apply(std::span<const TokenId> ids, std::span<float> scores) const {
  for (const std::vector<TokenId>& word : words_) {
    const std::size_t before = word.size() - 1;
    if (before > ids.size()) continue;
    const std::span<const TokenId> last = ids.last(before);
    if (std::equal(last.begin(), last.end(), word.begin())) forbid(word.back(), scores);
  }
}

}  // namespace epicrisis
