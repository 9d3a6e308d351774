#pragma once

#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "generation/generation_config.hpp"

namespace epicrisis {

/// A setting of GenerationConfig by its Hugging Face name.
struct Setting {
  std::string_view name;
  /// Writes `value` to the config. Errors: kInvalidArgument naming `name` and what it takes.
  Result<void> (*set)(GenerationConfig& config, std::string_view name, const Json& value);
};

/// A name of the reference that this project does not implement.
struct ForeignSetting {
  std::string_view name;
  bool (*is_harmless)(const Json& value);  ///< Whether this value leaves the result as it is.
};

/// Null when there is none.
const Setting* find_setting(std::string_view name) noexcept;
const ForeignSetting* find_foreign_setting(std::string_view name) noexcept;
/// Names of all settings that have an effect.
std::vector<std::string_view> setting_names();

}  // namespace epicrisis
