#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "base/result.hpp"
#include "base/token_id.hpp"
#include "checkpoint/architecture.hpp"
#include "engine/compute_type.hpp"
#include "generation/backend.hpp"

namespace epicrisis {

struct Checkpoint;

struct EngineOptions {
  ComputeType type = ComputeType::kFloat32;
  int threads = 0;  ///< Threads that share the work of one step; 0: one a processor.
  std::size_t max_cache_bytes =
      0;  ///< Most memory of one session's self-attention cache; 0: no limit but the machine's.
  /// The folder that the checkpoint was read from: int8 weights are kept there, or in the user's folder for
  /// caches, and mapped the next time. Empty: they are computed at each load. A cache that cannot be read or
  /// written is no error.
  std::filesystem::path folder = {};
};

/// A dense row-major float32 matrix.
struct FloatMatrix {
  int rows = 0;
  int columns = 0;
  std::vector<float> values;

  std::span<const float> row(int index) const {
    const auto width = static_cast<std::size_t>(columns);
    return std::span(values).subspan(static_cast<std::size_t>(index) * width, width);
  }
};

namespace engine {
struct Core;
enum class DecoderOutput;
}  // namespace engine

/// The native CPU engine: inference for one model, driven by an Architecture.
///
/// Batches are ragged: nothing is padded. A sequence's logits have the same bits alone, in any batch, at any
/// beam position, with any number of threads and whether its tokens were fed one by one or together, because
/// each kernel adds in an order that depends on that sequence only; so batch mates cannot change a summary.
/// Between machines with other vector widths the last bits differ. All of that holds for each ComputeType.
class Engine final : public Backend {
 public:
  /// Takes the weights over; a mapped file stays mapped. Errors: kUnsupported naming what the engine does not
  /// compute for this architecture, kCorrupt naming a tensor, kResourceExhausted, kInvalidArgument for a
  /// negative thread count.
  static Result<std::shared_ptr<const Engine>> load(Checkpoint checkpoint, EngineOptions options = {});

  explicit Engine(std::shared_ptr<engine::Core> core);

  const Architecture& architecture() const noexcept;
  ComputeType type() const noexcept;
  int vocab_size() const noexcept override;
  int max_source_tokens() const noexcept override;
  int max_target_tokens() const noexcept override;
  bool is_encoder_decoder() const noexcept override;
  bool scores_drafts() const noexcept override { return true; }
  CacheCosts cache_costs() const noexcept override;
  Result<std::unique_ptr<DecodeSession>> start_session() const override;

  /// The encoder's last hidden states, after the final norm where there is one: [S, D]. Errors: as
  /// DecodeSession::add; kInvalidArgument for a model without encoder.
  Result<FloatMatrix> encode_hidden(std::span<const TokenId> source) const;
  /// The decoder's last hidden states, after the final norm where there is one: [T, D]. Arguments and errors:
  /// as forward().
  Result<FloatMatrix> hidden(std::span<const TokenId> source, std::span<const TokenId> target) const;
  /// Logits after each of `target`, the decoder's input with its start token: [T, V]. A decoder-only model
  /// has no source: `source` is empty and `target` all of the text. Errors: as DecodeSession's.
  Result<FloatMatrix> forward(std::span<const TokenId> source, std::span<const TokenId> target) const;

 private:
  Result<FloatMatrix> decode(std::span<const TokenId> source, std::span<const TokenId> target,
                             engine::DecoderOutput output) const;

  std::shared_ptr<engine::Core> core_;
};

}  // namespace epicrisis
