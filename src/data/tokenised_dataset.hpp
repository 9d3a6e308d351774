#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "data/gap_sentences.hpp"
#include "data/packed_batch.hpp"

namespace epicrisis {
class Tokenizer;
}

namespace epicrisis::data {

/// Training examples in token ids. Immutable and thread-safe once built.
class TokenisedDataset {
 public:
  virtual ~TokenisedDataset() = default;
  virtual std::size_t size() const noexcept = 0;
  /// Source and target tokens of an example together, near enough to fill batches by.
  virtual std::size_t length(std::size_t index) const noexcept = 0;
  /// The example as `epoch` sees it.
  virtual TrainingPair example(std::size_t index, std::uint64_t epoch) const = 0;
  /// Where a user finds the example: "train.csv row 12".
  virtual std::string place(std::size_t index) const = 0;
};

struct LengthLimits {
  std::size_t max_source_tokens = 512;  ///< End of sequence included.
  std::size_t max_target_tokens = 128;
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
  /// The window's number: documents have no rows.
  std::string place(std::size_t index) const override { return "window " + std::to_string(index + 1); }

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
