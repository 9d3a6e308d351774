#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "data/dataset_reader.hpp"
#include "data/gap_sentences.hpp"
#include "data/packed_batch.hpp"

namespace epicrisis {
class Tokenizer;
}

namespace epicrisis::data {

/// Training examples in token ids, cached in memory. Immutable and thread-safe once built.
class TokenisedDataset {
 public:
  virtual ~TokenisedDataset() = default;
  virtual std::size_t size() const noexcept = 0;
  /// Source and target tokens of an example together, near enough to fill batches by.
  virtual std::size_t length(std::size_t index) const noexcept = 0;
  /// The example as `epoch` sees it.
  virtual TrainingPair example(std::size_t index, std::uint64_t epoch) const = 0;
};

struct LengthLimits {
  std::size_t max_source_tokens = 512;  ///< End of sequence included.
  std::size_t max_target_tokens = 128;
};

/// What a model wants around the texts of a pair.
struct PairFormat {
  std::string prefix = {};  ///< Before each note ("summarize: " for T5).
  /// Decoder-only models: the summary continues the note, so both are tokenized without special tokens, as
  /// the prompt is when the model is served, and this closes the summary.
  std::optional<TokenId> continuation_end = std::nullopt;
};

/// Notes and their summaries, cut on the right to the limits.
class PairDataset final : public TokenisedDataset {
 public:
  static std::unique_ptr<PairDataset> build(std::span<const DatasetRow> rows, const Tokenizer& tokenizer,
                                            const LengthLimits& limits, const PairFormat& format = {});

  std::size_t size() const noexcept override { return pairs_.size(); }
  std::size_t length(std::size_t index) const noexcept override {
    return pairs_[index].source.size() + pairs_[index].target.size();
  }
  TrainingPair example(std::size_t index, std::uint64_t) const override { return pairs_[index]; }
  const TrainingPair& pair(std::size_t index) const noexcept { return pairs_[index]; }
  std::size_t truncated_sources() const noexcept { return truncated_sources_; }

 private:
  std::vector<TrainingPair> pairs_;
  std::size_t truncated_sources_ = 0;
};

/// Documents cut into windows at sentence ends; an example masks other sentences in every epoch. Windows of
/// fewer than two sentences are left out.
class GapSentenceDataset final : public TokenisedDataset {
 public:
  /// The options' mask and end-of-sequence ids are looked up in the tokenizer. Errors: kInvalidArgument when
  /// it has no <mask_1> or </s>, or when no document has two sentences.
  static Result<std::unique_ptr<GapSentenceDataset>> build(std::span<const std::string> documents,
                                                           const Tokenizer& tokenizer,
                                                           const LengthLimits& limits,
                                                           GapSentenceOptions options, std::uint64_t seed);

  std::size_t size() const noexcept override { return windows_.size(); }
  std::size_t length(std::size_t index) const noexcept override { return windows_[index].tokens + 2; }
  TrainingPair example(std::size_t index, std::uint64_t epoch) const override;

 private:
  /// Sentences [first, last) of the sentence table.
  struct Window {
    std::size_t first = 0;
    std::size_t last = 0;
    std::size_t tokens = 0;
  };
  void append_document(std::span<const std::vector<TokenId>> sentences, std::size_t max_tokens);

  GapSentenceOptions options_;
  std::uint64_t seed_ = 0;
  std::vector<TokenId> tokens_;
  std::vector<std::size_t> sentence_offsets_ = {0};  ///< Sentence i covers [i, i + 1) of these in tokens_.
  std::vector<Window> windows_;
};

}  // namespace epicrisis::data
