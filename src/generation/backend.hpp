#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "base/result.hpp"
#include "base/token_id.hpp"

namespace epicrisis {

/// A source being decoded in one DecodeSession.
using SourceId = int;

/// One row of a decode step: feed `tokens` to the hypothesis that was row `parent` of the previous step.
struct HypothesisStep {
  SourceId source = 0;
  int parent = -1;  ///< Row of the previous step() whose cache this continues; -1: a fresh hypothesis.
  std::span<const TokenId> tokens;  ///< At least one; usually the one token chosen last.
  int dropped = 0;  ///< How many of the parent's last positions this row forgets: drafts that were refused.
  int scored = 1;   ///< After how many of the last of `tokens` the logits are wanted; 0: after none.
};

/// Bytes that the caches of a session take, for each token of a source and each position of a hypothesis.
struct CacheCosts {
  std::size_t bytes_per_source_token = 0;
  std::size_t bytes_per_position = 0;
};

/// The state of one running batch: encoded sources and the caches of their live hypotheses.
/// Used by one thread at a time.
class DecodeSession {
 public:
  virtual ~DecodeSession() = default;

  /// Encodes `sources` as one ragged batch without padding and returns an id for each. Sources may be added
  /// while others are being decoded.
  ///
  /// Decoder-only models: a source is a prompt. It is checked as one and gets an id, and that is all; nothing
  /// is computed before the first step of a hypothesis (parent -1), whose tokens are the whole prompt. The
  /// rows that continue that one share what was computed of it. Errors: kResourceExhausted, kInvalidArgument
  /// for an empty source or one longer than the model's positions.
  virtual Result<std::vector<SourceId>> add(std::span<const std::vector<TokenId>> sources) = 0;
  /// add() in parts, between which steps may be taken: begins with `sources`, which no step may name before
  /// continue_adding() said that they are ready. One such addition at a time. All of them are one packed
  /// batch, so it bounds the length of a part to keep them few. Errors: as add().
  virtual Result<std::vector<SourceId>> begin_adding(std::span<const std::vector<TokenId>> sources) {
    return add(sources);
  }
  /// Does the next part of the work, about what one layer takes; true when all is done. Errors:
  /// kResourceExhausted, and then none of the sources was added.
  virtual Result<bool> continue_adding() { return true; }
  /// Frees what a source holds; it may appear in no later step.
  virtual void remove(SourceId source) = 0;
  /// Advances `rows` and writes the logits after each row's last `scored` tokens to `logits`, row after row,
  /// [sum of scored, V], row-major. Several rows may name the same parent (beam search); rows of the previous
  /// step that no row names are dropped. Errors: kResourceExhausted when a hypothesis would pass the model's
  /// positions or the cache's size; then nothing changed.
  virtual Result<void> step(std::span<const HypothesisStep> rows, std::span<float> logits) = 0;
};

/// A loaded model that generation can drive: the native engine, or the LibTorch module.
/// Thread-safe: sessions of several threads may run at once.
class Backend {
 public:
  virtual ~Backend() = default;
  virtual int vocab_size() const noexcept = 0;
  /// Longest source in tokens, and longest sequence a hypothesis may reach, its start token included.
  virtual int max_source_tokens() const noexcept = 0;
  virtual int max_target_tokens() const noexcept = 0;
  virtual bool is_encoder_decoder() const noexcept = 0;
  /// Rows up to which a step gets better value the more it has; generate() fills its steps up to there.
  virtual int preferred_rows() const noexcept { return 64; }
  /// Whether sessions take rows whose `dropped` is not 0 or whose `scored` is not 1.
  virtual bool scores_drafts() const noexcept { return false; }
  /// All 0: not known.
  virtual CacheCosts cache_costs() const noexcept { return {}; }
  /// Errors: kResourceExhausted.
  virtual Result<std::unique_ptr<DecodeSession>> start_session() const = 0;
};

}  // namespace epicrisis
