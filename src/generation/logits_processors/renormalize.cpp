#include "generation/logits_processors/renormalize.hpp"

#include "generation/log_softmax.hpp"

namespace epicrisis {

void Renormalize::apply(std::span<const TokenId> /*ids*/, std::span<float> scores) const {
  log_softmax(scores);
}

}  // namespace epicrisis
