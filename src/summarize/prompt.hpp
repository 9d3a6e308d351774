#pragma once

#include "base/json.hpp"
#include "summarize/task.hpp"
#include "text/prompt.hpp"

namespace epicrisis {

/// What a model was trained to read around a note: `prefix` of config.json's `task_specific_params` for the
/// task, else `prefix` of config.json, as the reference's pipeline puts it before each input; and our
/// `suffix` of the task.
Prompt prompt_of_config(const Json& config, Task task);

}  // namespace epicrisis
