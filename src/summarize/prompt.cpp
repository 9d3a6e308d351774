#include "summarize/prompt.hpp"

#include "checkpoint/task_prefix.hpp"

namespace epicrisis {

Prompt prompt_of_config(const Json& config, Task task) {
  return {task_prefix(config, to_string(task)), task_suffix(config, to_string(task))};
}

}  // namespace epicrisis
