#pragma once

#include "base/json.hpp"
#include "base/result.hpp"
#include "summarize/text_settings.hpp"

namespace epicrisis::api {

/// Lays a request's `parameters` over the `defaults` of model and task: generate() arguments by name,
/// `clean_up_tokenization_spaces`, and for text generation `return_full_text`. Errors: kInvalidArgument,
/// kUnsupported. They name settings this project knows and never what the client wrote, which could be a note
/// in the wrong place.
Result<TextSettings> apply_parameters(TextSettings defaults, Task task, const Json& parameters);

}  // namespace epicrisis::api
