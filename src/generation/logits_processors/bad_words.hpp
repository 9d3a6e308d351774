#pragma once

#include "generation/logits_processors/logits_processor.hpp"

namespace epicrisis {

/// Forbids the last token of each sequence of tokens whose others have just been generated. A lone
/// end-of-sequence token among them is passed over, as the reference does.
class BadWords final : public LogitsProcessor {
 public:
  BadWords(const std::vector<std::vector<TokenId>>& words, std::span<const TokenId> eos_token_ids);
  void apply(std::span<const TokenId> ids, std::span<float> scores) const override;

 private:
  std::vector<std::vector<TokenId>> words_;
};

}  // namespace epicrisis
