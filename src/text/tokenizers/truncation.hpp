#pragma once

#include <cstddef>

#include "base/json.hpp"
#include "text/tokenizer.hpp"
#include "text/tokenizers/stages.hpp"

namespace epicrisis {

/// Cuts `text` to `length` tokens on `side`.
void truncate(ProcessedText& text, std::size_t length, Side side);

/// Cuts two texts so that both together fit `room`. Errors: kInvalidArgument when the one that the strategy
/// names would have nothing left.
Result<void> truncate_pair(ProcessedText& first, ProcessedText& second, std::size_t room,
                           const EncodeOptions& options);

/// The blocks "truncation" and "padding" of a tokenizer.json. Errors: kCorrupt.
Result<EncodeOptions> read_stored_options(const Json& file);

}  // namespace epicrisis
