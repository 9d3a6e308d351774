#include "generation/logits_processors/repetition_penalty.hpp"

#include <algorithm>

namespace epicrisis {

void RepetitionPenalty::apply(std::span<const TokenId> ids, std::span<float> scores) const {
  std::vector<TokenId> distinct(ids.begin(), ids.end());
  std::sort(distinct.begin(), distinct.end());
  distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
  for (const TokenId token : distinct) {
    if (token < 0 || static_cast<std::size_t>(token) >= scores.size()) continue;
    float& score = scores[static_cast<std::size_t>(token)];
    score = score < 0 ? score * penalty_ : score / penalty_;
  }
}

}  // namespace epicrisis
