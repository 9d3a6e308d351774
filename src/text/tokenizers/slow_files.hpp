#pragma once

#include <filesystem>
#include <string>

#include "base/result.hpp"

namespace epicrisis {

/// Whether `folder` has spiece.model, sentencepiece.bpe.model, or vocab.json and merges.txt.
bool has_slow_files(const std::filesystem::path& folder);

/// Text of the tokenizer.json that transformers 4.27 makes of a slow tokenizer's files
/// (convert_slow_tokenizer.py): Pegasus, T5 (and mT5), mBART, mBART-50 from a SentencePiece unigram model;
/// GPT-2, BART, RoBERTa from vocab.json and merges.txt. Which one is meant is read from
/// tokenizer_config.json's `tokenizer_class`, else from config.json's `model_type`. Errors: kCorrupt,
/// kUnsupported naming the class or option.
Result<std::string> convert_slow_files(const std::filesystem::path& folder);

}  // namespace epicrisis
