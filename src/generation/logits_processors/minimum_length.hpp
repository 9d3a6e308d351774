#pragma once

#include "generation/logits_processors/logits_processor.hpp"

namespace epicrisis {

/// Forbids the end of a sequence of fewer than `length` tokens, start token or prompt included.
/// `eos_token_ids` outlive this.
class MinimumLength final : public LogitsProcessor {
 public:
  MinimumLength(int length, std::span<const TokenId> eos_token_ids)
      : length_(static_cast<std::size_t>(length)), eos_token_ids_(eos_token_ids) {}
  void apply(std::span<const TokenId> ids, std::span<float> scores) const override;

 private:
  std::size_t length_;
  std::span<const TokenId> eos_token_ids_;
};

}  // namespace epicrisis
