#pragma once

#include "base/json.hpp"
#include "checkpoint/architecture.hpp"

namespace epicrisis {

/// Every field of `architecture` under its own name, enumerators as words ("rms_norm"), in the order of the
/// struct. For people and scripts; it is not read back.
OrderedJson to_json(const Architecture& architecture);

}  // namespace epicrisis
