#pragma once

#include <cstdint>

namespace epicrisis {

/// Index into a tokenizer's vocabulary. Sequences of them are clinical text: they are never logged.
using TokenId = std::int32_t;

}  // namespace epicrisis
