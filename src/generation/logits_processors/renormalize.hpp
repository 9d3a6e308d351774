#pragma once

#include "generation/logits_processors/logits_processor.hpp"

namespace epicrisis {

/// Makes the scores log-probabilities again after the other processors took mass away.
class Renormalize final : public LogitsProcessor {
 public:
  void apply(std::span<const TokenId> ids, std::span<float> scores) const override;
};

}  // namespace epicrisis
