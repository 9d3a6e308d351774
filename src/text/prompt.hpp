#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/token_id.hpp"

namespace epicrisis {

class Tokenizer;

/// What stands around a note in the text that a model reads.
struct Prompt {
  std::string before = {};  ///< T5's "summarize: ".
  std::string after = {};   ///< "\nTL;DR:".

  std::string around(std::string_view note) const;
};

/// The prompt that `text` spells with the note as "{note}", once. Errors: kInvalidArgument.
Result<Prompt> parse_prompt(std::string_view text);

/// A text as a model reads it.
struct CutEncoding {
  std::vector<TokenId> ids;
  std::size_t dropped_tokens = 0;  ///< At the note's end, which did not fit.
};

/// The tokens of `note` in `prompt`, at most `limit`: as much of the note's beginning as fits, and all of the
/// prompt. Serving and training both read a note through this. Errors: kInvalidArgument when no room is left
/// for any of the note.
Result<CutEncoding> encode_in_prompt(const Tokenizer& tokenizer, const Prompt& prompt, std::string_view note,
                                     bool add_special_tokens, std::optional<std::size_t> limit);

}  // namespace epicrisis
