#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "engine/engine.hpp"
#include "generation/generation_config.hpp"
#include "summarize/model_card.hpp"
#include "summarize/prompt.hpp"
#include "summarize/summarizer.hpp"
#include "text/tokenizer.hpp"

namespace epicrisis::detail {

/// A note as the model reads it.
struct EncodedNote {
  std::vector<TokenId> ids;
  int dropped_tokens = 0;  ///< At the note's end, which did not fit.
};

/// Tokenizer, engine and what the files of one model folder say of both. Immutable and thread-safe.
struct TextModel {
  Tokenizer tokenizer;
  std::shared_ptr<const Engine> engine;
  GenerationConfig defaults;
  ModelCard card;
  Prompt prompt;
  int max_source_tokens = 0;  ///< The largest int: no limit.

  /// Errors: those of the tokenizer, the checkpoint and the engine; kCorrupt when tokenizer and model do not
  /// belong together; kInvalidArgument for a prompt without place for the note.
  static Result<TextModel> load(const std::filesystem::path& folder, const SummarizerOptions& options);

  /// The tokens of `note` in the prompt, cut at the note's end to what the model reads. A decoder-only model
  /// writes behind them: `new_tokens` positions are left free, and no special tokens are added. Errors:
  /// kInvalidArgument when no room is left for any of the note.
  Result<EncodedNote> encode(const std::string& note, int new_tokens) const;
};

}  // namespace epicrisis::detail
