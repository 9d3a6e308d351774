#pragma once

#include "base/json.hpp"

namespace CLI {
class App;
}

namespace epicrisis {

/// Adds the generation settings (GenerationConfig) that a command offers: --num-beams, --max-length and so
/// on. What is given becomes a member of `settings` under the setting's own name ("num_beams"), for
/// GenerationConfig::apply(). `settings` is an object that outlives the parsing.
void add_generation_options(CLI::App& command, Json& settings);

}  // namespace epicrisis
