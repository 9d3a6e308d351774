#pragma once

#include "generation/logits_processors/logits_processor.hpp"

namespace epicrisis {

/// Leaves only `token`, with score 0, once the sequence has exactly `length` tokens: BART's first token, and
/// the end of a sequence that reaches max_length. Precondition: `token` is in the vocabulary.
class ForcedToken final : public LogitsProcessor {
 public:
  ForcedToken(TokenId token, int length) : token_(token), length_(static_cast<std::size_t>(length)) {}
  void apply(std::span<const TokenId> ids, std::span<float> scores) const override;

 private:
  TokenId token_;
  std::size_t length_;
};

}  // namespace epicrisis
