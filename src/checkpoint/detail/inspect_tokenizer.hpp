#pragma once

#include "base/json.hpp"
#include "checkpoint/inspection.hpp"

namespace epicrisis::detail {

/// Lists the components of a parsed tokenizer.json, whether or not they are supported. Whatever does not look
/// like one is left out and told in `findings`.
TokenizerInspection inspect_tokenizer(const Json& tokenizer, Findings& findings);

}  // namespace epicrisis::detail
