#pragma once

#include <vector>

#include "generation/logits_processors/logits_processor.hpp"

namespace epicrisis {

/// Makes tokens that occur in the sequence less likely: positive scores are divided by the penalty, negative
/// ones multiplied (Keskar et al. 2019, "CTRL", section 4.1). A token is penalised once however often it
/// occurs.
class RepetitionPenalty final : public LogitsProcessor {
 public:
  explicit RepetitionPenalty(double penalty) : penalty_(static_cast<float>(penalty)) {}
  void apply(std::span<const TokenId> ids, std::span<float> scores) const override;

 private:
  float penalty_;
};

/// Makes tokens that occur in the source (of a decoder-only model: in the prompt) likelier in the same way,
/// by the penalty's inverse.
class EncoderRepetitionPenalty final : public LogitsProcessor {
 public:
  EncoderRepetitionPenalty(double penalty, std::span<const TokenId> source);
  void apply(std::span<const TokenId> ids, std::span<float> scores) const override;

 private:
  float penalty_;
  std::vector<TokenId> tokens_;  ///< Distinct ones of the source.
};

}  // namespace epicrisis
