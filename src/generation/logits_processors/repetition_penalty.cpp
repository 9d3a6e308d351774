#include "generation/logits_processors/repetition_penalty.hpp"

#include <algorithm>

namespace epicrisis {
namespace {

std::vector<TokenId> distinct(std::span<const TokenId> ids) {
  std::vector<TokenId> tokens(ids.begin(), ids.end());
  std::sort(tokens.begin(), tokens.end());
  tokens.erase(std::unique(tokens.begin(), tokens.end()), tokens.end());
  return tokens;
}

void penalise(std::span<const TokenId> tokens, float penalty, std::span<float> scores) noexcept {
  for (const TokenId token : tokens) {
    if (token < 0 || static_cast<std::size_t>(token) >= scores.size()) continue;
    float& score = scores[static_cast<std::size_t>(token)];
    score = score < 0 ? score * penalty : score / penalty;
  }
}

}  // namespace

void RepetitionPenalty::apply(std::span<const TokenId> ids, std::span<float> scores) const {
  penalise(distinct(ids), penalty_, scores);
}

EncoderRepetitionPenalty::EncoderRepetitionPenalty(double penalty, std::span<const TokenId> source)
    : penalty_(static_cast<float>(1 / penalty)), tokens_(distinct(source)) {}

void EncoderRepetitionPenalty::apply(std::span<const TokenId> /*ids*/, std::span<float> scores) const {
  penalise(tokens_, penalty_, scores);
}

}  // namespace epicrisis
