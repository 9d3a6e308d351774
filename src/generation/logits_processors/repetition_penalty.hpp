#pragma once

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

}  // namespace epicrisis
