#include "generation/logits_processors/suppress_tokens.hpp"

namespace epicrisis {

void SuppressTokens::apply(std::span<const TokenId> ids, std::span<float> scores) const {
  if (only_at_ && static_cast<std::size_t>(*only_at_) != ids.size()) return;
  for (const TokenId token : tokens_) forbid(token, scores);
}

}  // namespace epicrisis
