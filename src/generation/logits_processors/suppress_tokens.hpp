#pragma once

#include <optional>

#include "generation/logits_processors/logits_processor.hpp"

namespace epicrisis {

/// Forbids tokens, always or only when the sequence has exactly `only_at` tokens. `tokens` outlive this.
class SuppressTokens final : public LogitsProcessor {
 public:
  explicit SuppressTokens(std::span<const TokenId> tokens, std::optional<int> only_at = std::nullopt)
      : tokens_(tokens), only_at_(only_at) {}
  void apply(std::span<const TokenId> ids, std::span<float> scores) const override;

 private:
  std::span<const TokenId> tokens_;
  std::optional<int> only_at_;
};

}  // namespace epicrisis
