#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "text/tokenizers/special_tokens.hpp"

namespace epicrisis {

/// Whether `tokenizer_class` has its vocabulary in a SentencePiece model that this build can convert.
bool is_sentencepiece_class(std::string_view tokenizer_class);

/// Text of the tokenizer.json that stands for the bytes of a SentencePiece model. Errors: kCorrupt,
/// kUnsupported naming the option.
Result<std::string> convert_sentencepiece(std::string_view bytes, const SlowTokenizerSettings& settings);

}  // namespace epicrisis
