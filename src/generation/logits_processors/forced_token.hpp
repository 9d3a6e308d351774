#pragma once

#include "generation/logits_processors/logits_processor.hpp"

namespace epicrisis {

/// Leaves only `tokens`, with score 0, once the sequence has exactly `length` tokens: BART's first token, and
/// the end of a sequence that reaches max_length. Precondition: they are in the vocabulary.
class ForcedTokens final : public LogitsProcessor {
 public:
  ForcedTokens(std::vector<TokenId> tokens, int length)
      : tokens_(std::move(tokens)), length_(static_cast<std::size_t>(length)) {}
  void apply(std::span<const TokenId> ids, std::span<float> scores) const override;

 private:
  std::vector<TokenId> tokens_;
  std::size_t length_;
};

}  // namespace epicrisis
