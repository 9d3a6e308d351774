#pragma once

#include <string>

#include "base/json.hpp"

namespace epicrisis {

/// The text that the reference's summarization pipeline puts before each note: `prefix` of
/// `task_specific_params.summarization` in config.json, else `prefix` at its top ("summarize: " in T5's
/// files).
inline std::string summarization_prefix(const Json& config) {
  for (const char* const pointer : {"/task_specific_params/summarization/prefix", "/prefix"}) {
    const Json::json_pointer place(pointer);
    if (config.contains(place) && config[place].is_string()) return config[place].get<std::string>();
  }
  return {};
}

}  // namespace epicrisis
