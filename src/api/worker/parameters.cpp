#include "api/worker/parameters.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "base/nearest_name.hpp"
#include "generation/generation_settings.hpp"

namespace epicrisis::api {
namespace {

constexpr std::string_view kFullText = "return_full_text";
constexpr std::string_view kCleanUp = "clean_up_tokenization_spaces";

/// Parameters of the reference's pipelines that would change the answer and are not implemented; null asks
/// for nothing.
constexpr std::array<std::string_view, 6> kPipelineParameters = {
    "handle_long_generation", "prefix", "return_tensors", "return_text", "return_type", "stop_sequence"};

Error unknown_parameter(std::size_t position, std::string_view name) {
  std::vector<std::string_view> known = setting_names();
  known.insert(known.end(), {kFullText, kCleanUp});
  const std::string_view nearest = nearest_name(name, known);
  std::string message =
      fmt::format("'parameters' has an unknown name (member {} by name, {} bytes)", position, name.size());
  message += nearest.empty() ? "." : fmt::format("; did you mean '{}'?", nearest);
  return {ErrorCode::kInvalidArgument, std::move(message), ""};
}

/// Whether a parameter that is not implemented asks for what is done anyway.
bool is_harmless(std::string_view name, const Json& value) {
  if (value.is_null()) return true;
  return (name == "return_tensors" && value == false) || (name == "return_text" && value == true);
}

Result<void> set_flag(bool& flag, std::string_view name, const Json& value) {
  if (value.is_null()) return {};
  if (!value.is_boolean()) {
    return Error{ErrorCode::kInvalidArgument, fmt::format("'{}' must be true or false.", name), ""};
  }
  flag = value.get<bool>();
  return {};
}

/// Takes one parameter of the pipeline; false when `name` is none.
Result<bool> take_pipeline_parameter(TextOutput& output, Task task, std::string_view name,
                                     const Json& value) {
  if (name == kCleanUp) {
    EPICRISIS_RETURN_IF_ERROR(set_flag(output.clean_up, kCleanUp, value));
    return true;
  }
  if (name == kFullText) {
    if (task != Task::kTextGeneration && !value.is_null()) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("'{}' is for the task text-generation only.", kFullText), ""};
    }
    EPICRISIS_RETURN_IF_ERROR(set_flag(output.full_text, kFullText, value));
    return true;
  }
  const auto* const found = std::find(kPipelineParameters.begin(), kPipelineParameters.end(), name);
  if (found == kPipelineParameters.end()) return false;
  if (is_harmless(name, value)) return true;
  return Error{ErrorCode::kUnsupported, fmt::format("'{}' is not supported; leave it out.", *found), ""};
}

}  // namespace

Result<TextSettings> apply_parameters(TextSettings defaults, Task task, const Json& parameters) {
  Json generation = Json::object();
  std::size_t position = 0;
  for (const auto& [name, value] : parameters.items()) {
    ++position;
    EPICRISIS_ASSIGN_OR_RETURN(const bool taken, take_pipeline_parameter(defaults.output, task, name, value));
    if (taken) continue;
    if (find_setting(name) == nullptr && find_foreign_setting(name) == nullptr) {
      return unknown_parameter(position, name);
    }
    generation[name] = value;
  }
  EPICRISIS_RETURN_IF_ERROR(defaults.generation.apply(generation, true));
  EPICRISIS_RETURN_IF_ERROR(defaults.generation.validate());
  return defaults;
}

}  // namespace epicrisis::api
