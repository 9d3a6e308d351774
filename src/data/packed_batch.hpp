#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/token_id.hpp"

namespace epicrisis::data {

/// A label that no loss is taken from, as the Hugging Face collators write it.
constexpr TokenId kIgnoredLabel = -100;

/// One training pair in token ids; `target` ends with the end-of-sequence token.
struct TrainingPair {
  std::vector<TokenId> source;
  std::vector<TokenId> target;
};

/// Pairs side by side without padding: sequence b covers [offsets[b], offsets[b + 1]) of the ids. For a
/// decoder-only model the sources are empty.
struct PackedBatch {
  std::vector<TokenId> source_ids;
  std::vector<std::int64_t> source_offsets = {0};
  std::vector<TokenId> decoder_ids;  ///< What the decoder reads: labels[i] comes after decoder_ids[i].
  std::vector<TokenId> labels;       ///< As long as decoder_ids; kIgnoredLabel where nothing is learnt.
  std::vector<std::int64_t> target_offsets = {0};

  std::size_t sequences() const noexcept { return source_offsets.size() - 1; }
  std::size_t tokens() const noexcept { return source_ids.size() + labels.size(); }
};

/// Token ids that shifting labels to the right needs.
struct ShiftTokens {
  std::optional<TokenId> decoder_start = 0;  ///< Absent: the last label.
  TokenId pad = 0;                           ///< Stands in the decoder's input for an ignored label.
};

/// Appends one pair. Ignored labels at the end of `labels` are dropped: a causal decoder never looks past
/// them.
void append_pair(PackedBatch& batch, std::span<const TokenId> source, std::span<const TokenId> labels,
                 const ShiftTokens& shift);
/// Appends one sequence of a decoder-only model. labels: as long as `ids` and not shifted, as collators give
/// them; token i + 1 becomes the label of token i. What follows the last label that counts is dropped.
void append_sequence(PackedBatch& batch, std::span<const TokenId> ids, std::span<const TokenId> labels);
/// The same for a prompt that is not learnt and the target that continues it.
void append_continuation(PackedBatch& batch, std::span<const TokenId> prompt,
                         std::span<const TokenId> target);
PackedBatch pack(std::span<const TrainingPair> pairs, const ShiftTokens& shift);

}  // namespace epicrisis::data
