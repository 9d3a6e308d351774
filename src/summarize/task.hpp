#pragma once

#include <string_view>

namespace epicrisis {

/// What a model is used for, as the reference's pipelines of these names.
enum class Task { kSummarization, kText2TextGeneration, kTextGeneration };

/// The pipeline's name: "summarization", "text2text-generation", "text-generation".
std::string_view to_string(Task task) noexcept;

}  // namespace epicrisis
