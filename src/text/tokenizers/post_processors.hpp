#pragma once

#include <memory>
#include <string_view>

#include "base/json.hpp"
#include "text/tokenizers/stages.hpp"

namespace epicrisis {

/// The "post_processor" of a tokenizer.json: TemplateProcessing, ByteLevel, BertProcessing,
/// RobertaProcessing, Sequence.
/// Errors: kCorrupt, kUnsupported naming the component and `where` it stands.
Result<std::unique_ptr<PostProcessor>> read_post_processor(const Json& component, std::string_view where);

}  // namespace epicrisis
