#include "api/worker/task.hpp"

#include <array>
#include <utility>

namespace epicrisis::api {
namespace {

constexpr std::array kTasks = {Task::kSummarization, Task::kText2TextGeneration, Task::kTextGeneration};

/// When several endings fit, the later one counts.
constexpr std::array<std::pair<std::string_view, Task>, 5> kTaskOfEnding = {{
    {"ForConditionalGeneration", Task::kText2TextGeneration},
    {"MTModel", Task::kText2TextGeneration},
    {"EncoderDecoderModel", Task::kText2TextGeneration},
    {"ForCausalLM", Task::kTextGeneration},
    {"GPT2LMHeadModel", Task::kTextGeneration},
}};

}  // namespace

std::string_view result_key(Task task) noexcept {
  return task == Task::kSummarization ? "summary_text" : "generated_text";
}

Result<Task> parse_task(std::string_view name) {
  for (const Task task : kTasks) {
    if (name == to_string(task)) return task;
  }
  return Error{ErrorCode::kInvalidArgument,
               "The task must be summarization, text2text-generation or text-generation.", ""};
}

Result<Task> task_of_architecture(std::string_view architecture) {
  std::optional<Task> task;
  for (const auto& [ending, named] : kTaskOfEnding) {
    if (architecture.ends_with(ending)) task = named;
  }
  if (task) return *task;
  return Error{ErrorCode::kUnsupported,
               "The model's config.json names no architecture that generates text; say --task if it does.",
               "architectures[0]"};
}

Result<Task> choose_task(const std::optional<std::string>& asked, std::string_view hf_task,
                         std::string_view architecture) {
  if (asked) return parse_task(*asked);
  if (hf_task.empty()) return task_of_architecture(architecture);
  Result<Task> task = parse_task(hf_task);
  if (!task) task.error().detail = "environment variable HF_TASK";
  return task;
}

}  // namespace epicrisis::api
