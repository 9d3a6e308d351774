#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "text/tokenizers/special_tokens.hpp"

namespace epicrisis {

/// Whether `tokenizer_class` has its vocabulary in vocab.json and merges.txt.
bool is_byte_level_class(std::string_view tokenizer_class);

/// Text of the tokenizer.json that stands for the contents of vocab.json and merges.txt. Errors: kCorrupt
/// naming the file, kUnsupported naming an option.
Result<std::string> convert_byte_level(std::string_view vocab_text, std::string_view merges_text,
                                       const SlowTokenizerSettings& settings);

}  // namespace epicrisis
