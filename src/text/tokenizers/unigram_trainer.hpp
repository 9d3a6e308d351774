#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "base/result.hpp"

namespace epicrisis {

/// How a tokenizer is trained. The defaults suit English clinical text.
struct UnigramTrainerOptions {
  /// All ids, the 106 special ones included: what `vocab_size` in the model's config.json becomes.
  std::size_t vocab_size = 8192;
  /// Part of all characters that get an entry; the rest becomes <unk>. ASCII and the signs of doses and
  /// ranges (°, ×, ±, ≥ …) always get one.
  double character_coverage = 0.9995;
  /// Every digit is an entry of its own, so that doses and vital signs are copied digit by digit and a rare
  /// number is no rare token.
  bool split_digits = true;
  std::size_t max_piece_characters = 16;  ///< Longest entry.
  /// More sentences than these are sampled evenly.
  std::size_t max_sentences = 5'000'000;
  std::uint64_t seed = 1;              ///< Of that sampling.
  std::size_t model_max_length = 512;  ///< Written to tokenizer_config.json.
};

struct UnigramTrainingReport {
  std::size_t texts = 0;
  std::size_t sentences_read = 0;
  std::size_t sentences_used = 0;
  std::size_t vocab_size = 0;
};

/// The next text, nothing at the end, or why it cannot be read.
using NextText = std::function<Result<std::optional<std::string>>()>;

/// Trains a unigram model (Kudo 2018) with SentencePiece on the sentences of all texts and writes
/// tokenizer.json, tokenizer_config.json, special_tokens_map.json and spiece.model to `folder`, with
/// Pegasus's special tokens and ids: <pad> 0, </s> 1, <mask_1> 2, <mask_2> 3, <unk_2> to <unk_102> 4 to 104,
/// <unk> 105, <n> 106; id i from 105 on is SentencePiece's i - 103. Same texts and options give the same
/// bytes on any number of processors. `folder` must exist. Errors: kInvalidArgument when the text is too
/// small for the vocabulary or has no sentence.
Result<UnigramTrainingReport> train_unigram(const NextText& next_text, const UnigramTrainerOptions& options,
                                            const std::filesystem::path& folder);

}  // namespace epicrisis
