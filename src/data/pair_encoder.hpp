#pragma once

#include <cstdint>
#include <optional>

#include "base/result.hpp"
#include "data/dataset_reader.hpp"
#include "data/packed_batch.hpp"
#include "data/tokenised_dataset.hpp"
#include "text/prompt.hpp"

namespace epicrisis::data {

/// What a model wants around the texts of a pair.
struct PairFormat {
  Prompt prompt = {};  ///< Around each note ("summarize: " before it for T5).
  /// Decoder-only models: the summary continues the prompt, so both are tokenized without special tokens, as
  /// the prompt is when the model is served, and this closes the summary.
  std::optional<TokenId> continuation_end = std::nullopt;
};

/// A pair in token ids, with what did not fit.
struct EncodedPair {
  TrainingPair pair;
  std::uint32_t dropped_source_tokens = 0;
  std::uint32_t dropped_target_tokens = 0;
};

/// Tokenizes notes and summaries, cut at their ends to the limits; the prompt and the closing token stay.
/// The tokenizer must outlive it. Thread-safe.
class PairEncoder {
 public:
  PairEncoder(const Tokenizer& tokenizer, const LengthLimits& limits, PairFormat format);

  /// Errors: kInvalidArgument when note or summary give no token, or the prompt leaves none to the note.
  Result<EncodedPair> encode(const DatasetRow& row) const;

 private:
  bool gives_tokens(std::string_view text) const;

  const Tokenizer& tokenizer_;
  LengthLimits limits_;
  PairFormat format_;
  std::size_t empty_source_tokens_;  ///< What prompt and special tokens take.
  std::size_t empty_target_tokens_;
};

}  // namespace epicrisis::data
