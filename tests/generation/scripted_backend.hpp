#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "generation/backend.hpp"

namespace epicrisis::testing {

/// Logits [V] after `prefix` of the source with `source` tokens.
using Script =
    std::function<std::vector<float>(const std::vector<TokenId>& source, const std::vector<TokenId>& prefix)>;

/// A backend whose logits are a function of source and prefix. Its sessions keep each row's prefix as a cache
/// would, so a wrong parent shows as wrong logits, and check the contract of DecodeSession.
class ScriptedBackend final : public Backend {
 public:
  ScriptedBackend(int vocab_size, Script script) : vocab_size_(vocab_size), script_(std::move(script)) {}

  int vocab_size() const noexcept override { return vocab_size_; }
  int max_source_tokens() const noexcept override { return 1000; }
  int max_target_tokens() const noexcept override { return 1000; }
  bool is_encoder_decoder() const noexcept override { return encoder_decoder; }
  int preferred_rows() const noexcept override { return rows; }
  bool scores_drafts() const noexcept override { return drafts; }
  CacheCosts cache_costs() const noexcept override { return costs; }
  Result<std::unique_ptr<DecodeSession>> start_session() const override;

  bool encoder_decoder = true;
  bool drafts = true;
  CacheCosts costs;
  int parts = 0;                   ///< More that an addition takes than one.
  std::optional<TokenId> refused;  ///< A source that begins with it cannot be added.
  std::size_t most_rows = 1000;    ///< In a step; more are out of memory.
  std::function<void(std::span<const HypothesisStep>)> on_step;
  int rows = 64;
  mutable int steps = 0;         ///< Taken in all sessions.
  mutable int sources_left = 0;  ///< Added but not removed.

 private:
  friend class ScriptedSession;
  int vocab_size_;
  Script script_;
};

/// Logits that look random but depend on every token of source and prefix, spread over [-spread, spread].
Script hashed_script(int vocab_size, std::uint64_t seed, float spread = 4.0F);

}  // namespace epicrisis::testing
