#pragma once

#include <string>
#include <string_view>

#include "base/json.hpp"
#include "base/result.hpp"
#include "summarize/task.hpp"

namespace epicrisis {

/// What stands around a note in the text that a model reads.
struct Prompt {
  std::string before;  ///< T5's "summarize: ".
  std::string after;   ///< "\nTL;DR:".

  std::string around(std::string_view note) const;
};

/// The prompt that `text` spells with the note as "{note}", once. Errors: kInvalidArgument.
Result<Prompt> parse_prompt(std::string_view text);

/// The prefix that the reference's pipeline puts before each input: `prefix` of config.json's
/// `task_specific_params` for the task, else `prefix` of config.json.
Prompt prompt_of_config(const Json& config, Task task);

}  // namespace epicrisis
