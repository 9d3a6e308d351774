#pragma once

#include <cstddef>
#include <map>
#include <string>

#include "base/json.hpp"
#include "base/result.hpp"

namespace epicrisis {
class Tokenizer;
}

namespace epicrisis::train {

/// config.json of a new model: a small one of the family that `overrides` names as model_type ("pegasus" when
/// they name none), with the vocabulary and the special tokens of `tokenizer`, changed by `overrides` (values
/// as JSON, else as text). Position tables cover `max_tokens`. Errors: kInvalidArgument naming an unknown
/// family, a key the family does not have and the nearest one that it has, or a special token that the
/// tokenizer lacks.
Result<Json> new_model_config(const std::map<std::string, std::string>& overrides, const Tokenizer& tokenizer,
                              std::size_t max_tokens);

}  // namespace epicrisis::train
