#include "summarize/task.hpp"

namespace epicrisis {

std::string_view to_string(Task task) noexcept {
  switch (task) {
    case Task::kSummarization:
      return "summarization";
    case Task::kText2TextGeneration:
      return "text2text-generation";
    case Task::kTextGeneration:
      return "text-generation";
  }
  return "";
}

}  // namespace epicrisis
