#include "generation/logits_processors/minimum_length.hpp"

namespace epicrisis {

void MinimumLength::apply(std::span<const TokenId> ids, std::span<float> scores) const {
  if (ids.size() >= length_) return;
  for (const TokenId eos : eos_token_ids_) forbid(eos, scores);
}

}  // namespace epicrisis
