#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "summarize/task.hpp"

namespace epicrisis::api {

/// What a model is served as; it decides the defaults and the name of the result, as in the Hugging Face
/// inference toolkit.
using epicrisis::Task;
using epicrisis::to_string;

/// "summarization", "text2text-generation", "text-generation". Errors: kInvalidArgument with the choices.
Result<Task> parse_task(std::string_view name);
/// The key of a result: "summary_text" or "generated_text".
std::string_view result_key(Task task) noexcept;

/// The task that the toolkit derives from the first entry of `architectures` in config.json. It is never
/// summarization: that must be asked for. Errors: kUnsupported for a class that generates no text.
Result<Task> task_of_architecture(std::string_view architecture);

/// The task asked for on the command line, else the one of HF_TASK (empty: not set), else that of the
/// architecture.
Result<Task> choose_task(const std::optional<std::string>& asked, std::string_view hf_task,
                         std::string_view architecture);

}  // namespace epicrisis::api
