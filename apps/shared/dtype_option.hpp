#pragma once

#include "engine/compute_type.hpp"

namespace CLI {
class App;
}

namespace epicrisis {

/// Adds --dtype: what the model is computed in. `type` outlives the parsing.
void add_dtype_option(CLI::App& command, ComputeType& type);

}  // namespace epicrisis
