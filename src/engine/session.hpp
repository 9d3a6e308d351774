#pragma once

#include <map>
#include <memory>
#include <span>
#include <vector>

#include "engine/model/decoder.hpp"
#include "engine/model/encoder.hpp"
#include "engine/model/kv_cache.hpp"
#include "engine/model/model_weights.hpp"
#include "engine/thread_team.hpp"
#include "generation/backend.hpp"

namespace epicrisis::engine {

/// What sessions of one engine share.
struct Core {
  explicit Core(int threads) : team(threads) {}

  std::unique_ptr<const ModelWeights> model;
  ThreadTeam team;
  std::size_t max_cache_bytes = 0;
};

/// What a token of a source and a position of a hypothesis take in a session's caches.
CacheCosts cache_costs(const ModelWeights& model) noexcept;

/// Errors: kInvalidArgument for an empty sequence, one longer than max_tokens(), or a token id outside the
/// vocabulary; `what` names the sequence.
Result<void> check_tokens(const Architecture& architecture, std::span<const TokenId> tokens,
                          const char* what);

class Session final : public DecodeSession {
 public:
  explicit Session(std::shared_ptr<Core> core);

  Result<std::vector<SourceId>> add(std::span<const std::vector<TokenId>> sources) override;
  Result<std::vector<SourceId>> begin_adding(std::span<const std::vector<TokenId>> sources) override;
  Result<bool> continue_adding() override;
  void remove(SourceId source) override;
  Result<void> step(std::span<const HypothesisStep> rows, std::span<float> logits) override;

  /// step() that writes `output` to `to`, whose shape DecoderOutput tells.
  Result<void> step_all(std::span<const HypothesisStep> rows, DecoderOutput output, std::span<float> to);

 private:
  struct Hypothesis {
    SourceId source = 0;
    std::vector<KvCache::Slot> slots;  ///< Of its positions, first to last.
  };

  /// A source that is being encoded.
  struct Adding {
    SourceId id = 0;
    SourceMemory memory;
  };

  Result<void> encode(std::span<const std::vector<TokenId>> sources, std::vector<SourceId>& ids);
  void remember_layer();
  void decode(DecoderOutput output, float* to);
  Result<std::size_t> check(std::span<const HypothesisStep> rows) const;
  void grow(std::span<const HypothesisStep> rows);

  const std::shared_ptr<Core> core_;
  Encoder encoder_;
  Decoder decoder_;
  KvCache cache_;
  std::map<SourceId, SourceMemory> sources_;
  SourceId next_source_ = 0;
  std::vector<Adding> adding_;
  int remembered_layers_ = -1;  // decoder layers that have their part of adding_; -1: the encoder still runs
  // Rows of the last step and of the one being taken. Only the first count rows are in use: the others keep
  // their memory for later steps.
  std::vector<Hypothesis> current_;
  std::vector<Hypothesis> next_;
  std::size_t current_count_ = 0;
  std::vector<KvCache::Slot> fresh_;
  std::vector<DecoderRow> decoder_rows_;
};

}  // namespace epicrisis::engine
