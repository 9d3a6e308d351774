#pragma once

#include "base/json.hpp"
#include "base/result.hpp"
#include "generation/generation_config.hpp"

namespace epicrisis::api {

/// Lays a request's `parameters`, generate() arguments by name, over the model's `defaults`. Errors:
/// kInvalidArgument, kUnsupported. They name settings this project knows and never what the client wrote,
/// which could be a note in the wrong place.
Result<GenerationConfig> apply_parameters(GenerationConfig defaults, const Json& parameters);

}  // namespace epicrisis::api
