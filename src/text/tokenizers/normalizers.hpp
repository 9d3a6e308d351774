#pragma once

#include <memory>
#include <string_view>

#include "base/json.hpp"
#include "text/tokenizers/stages.hpp"

namespace epicrisis {

/// The "normalizer" of a tokenizer.json: Precompiled, NFC, NFD, NFKC, NFKD, Lowercase, StripAccents, Strip,
/// Replace, Prepend, BertNormalizer, Nmt, ByteLevel, Sequence.
/// Errors: kCorrupt, kUnsupported naming the component and `where` it stands.
Result<std::unique_ptr<Normalizer>> read_normalizer(const Json& component, std::string_view where);

}  // namespace epicrisis
