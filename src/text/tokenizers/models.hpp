#pragma once

#include <memory>
#include <string_view>

#include "base/json.hpp"
#include "text/tokenizers/stages.hpp"

namespace epicrisis {

/// The "model" of a tokenizer.json: Unigram, BPE, WordPiece, WordLevel. Errors: kCorrupt, kUnsupported
/// naming the component and `where` it stands.
Result<std::unique_ptr<Model>> read_model(const Json& component, std::string_view where);

}  // namespace epicrisis
