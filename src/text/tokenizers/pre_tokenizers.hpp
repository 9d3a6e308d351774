#pragma once

#include <memory>
#include <string_view>

#include "base/json.hpp"
#include "text/tokenizers/stages.hpp"

namespace epicrisis {

/// The "pre_tokenizer" of a tokenizer.json: Metaspace, ByteLevel, Split, Whitespace,
/// WhitespaceSplit, Punctuation, Digits, BertPreTokenizer, CharDelimiterSplit, Sequence.
/// Errors: kCorrupt, kUnsupported naming the component and `where` it stands.
Result<std::unique_ptr<PreTokenizer>> read_pre_tokenizer(const Json& component, std::string_view where);

}  // namespace epicrisis
