#pragma once

#include <memory>
#include <span>
#include <vector>

#include "base/token_id.hpp"
#include "generation/generation_config.hpp"
#include "generation/stopping.hpp"

namespace epicrisis {

/// Edits the scores of the next token: log-probabilities in beam search, logits in greedy search and
/// sampling. Named and meaning as the class of the same name in transformers' generation.logits_process.
class LogitsProcessor {
 public:
  virtual ~LogitsProcessor() = default;
  /// `ids` is the sequence so far, start token or prompt included; `scores` is [V]. Ids outside [0, V) that a
  /// caller's settings name are passed over.
  virtual void apply(std::span<const TokenId> ids, std::span<float> scores) const = 0;
};

using LogitsProcessors = std::vector<std::unique_ptr<LogitsProcessor>>;

/// The processors that `config` asks for, in the reference's order: tokens of the source, repetition
/// penalty, n-grams of the sequence, n-grams of the source, bad words, shortest length, forced first token,
/// forced end, suppressed tokens, suppressed first tokens, renormalisation. `config` and `source` outlive
/// them.
LogitsProcessors make_logits_processors(const GenerationConfig& config, std::span<const TokenId> source,
                                        const LengthLimits& limits);

/// Forbids a token; ids outside the vocabulary are passed over.
void forbid(TokenId token, std::span<float> scores) noexcept;

}  // namespace epicrisis
