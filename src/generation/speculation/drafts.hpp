#pragma once

#include <span>
#include <vector>

#include "base/token_id.hpp"
#include "generation/generation_config.hpp"
#include "generation/speculation/draft_gauge.hpp"
#include "generation/speculation/prompt_lookup.hpp"

namespace epicrisis {

/// Speculation of one sequence (Leviathan et al. 2023, "Fast Inference from Transformers via Speculative
/// Decoding", with drafts from a look-up): tokens to feed behind the one chosen last, of which the model
/// confirms those that it would have chosen. What is generated does not depend on them.
class Drafts {
 public:
  /// `source` outlives this.
  Drafts(const GenerationConfig& config, std::span<const TokenId> source);

  /// Foretells what comes after `ids` and gives what is worth feeding of it, at most `most` tokens. `cost`:
  /// see DraftCost::share().
  std::span<const TokenId> propose(std::span<const TokenId> ids, int most, double cost);
  /// The tokens that came instead, at least one, of which the last may be one that was not foretold.
  void learn(std::span<const TokenId> chosen);

 private:
  PromptLookup lookup_;
  DraftGauge gauge_;
  Draft draft_;
};

}  // namespace epicrisis
