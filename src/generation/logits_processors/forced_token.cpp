#include "generation/logits_processors/forced_token.hpp"

#include <algorithm>
#include <limits>

namespace epicrisis {

void ForcedTokens::apply(std::span<const TokenId> ids, std::span<float> scores) const {
  if (ids.size() != length_) return;
  std::fill(scores.begin(), scores.end(), -std::numeric_limits<float>::infinity());
  for (const TokenId token : tokens_) scores[static_cast<std::size_t>(token)] = 0;
}

}  // namespace epicrisis
