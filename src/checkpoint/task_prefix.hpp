#pragma once

#include <string>
#include <string_view>

#include "base/json.hpp"

namespace epicrisis {

/// The text that the reference's pipeline for `task` ("summarization") puts before each input: `prefix` of
/// the task in config.json's `task_specific_params`, else `prefix` at its top ("summarize: " in T5's files).
inline std::string task_prefix(const Json& config, std::string_view task) {
  const std::string of_task = "/task_specific_params/" + std::string(task) + "/prefix";
  for (const Json::json_pointer& place : {Json::json_pointer(of_task), Json::json_pointer("/prefix")}) {
    if (config.contains(place) && config[place].is_string()) return config[place].get<std::string>();
  }
  return {};
}

/// The text that follows each input: `suffix` beside the prefix that task_prefix() found, which Epicrisis
/// writes for models trained with a template that goes on behind the note. The reference has no such key and
/// its pipeline leaves it out.
inline std::string task_suffix(const Json& config, std::string_view task) {
  const std::string of_task = "/task_specific_params/" + std::string(task);
  const bool own = config.contains(Json::json_pointer(of_task + "/prefix"));
  const Json::json_pointer place(own ? of_task + "/suffix" : "/suffix");
  return config.contains(place) && config[place].is_string() ? config[place].get<std::string>() : "";
}

}  // namespace epicrisis
