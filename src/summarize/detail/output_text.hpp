#pragma once

#include <string>
#include <vector>

#include "base/token_id.hpp"
#include "summarize/text_settings.hpp"
#include "text/tokenizer.hpp"

namespace epicrisis::detail {

/// The text of a generated sequence.
///
/// Of a decoder-only model the first `prompt_tokens` of `ids` are the prompt, which was made of `note` (0: an
/// encoder-decoder model). Its text is cut off by its length in code points, as the reference does: decoding
/// the rest alone would lose the space before its first word.
std::string output_text(const Tokenizer& tokenizer, const std::vector<TokenId>& ids,
                        std::size_t prompt_tokens, const std::string& note, const TextOutput& output);

}  // namespace epicrisis::detail
