#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "train/training_options.hpp"

namespace epicrisis {

/// One setting of a configuration file.
struct ConfigEntry {
  std::string name;
  std::vector<std::string> values;  ///< A list has several; a map is one, as a JSON object.
  bool is_null = false;
  std::string where;  ///< "run.yaml:12", for errors.
};

/// Reads a flat map of options: JSON when the name ends in .json, else YAML. Errors: kInvalidArgument with
/// the line for what is no such map or names an option twice, and what reading reports.
Result<std::vector<ConfigEntry>> read_config_file(const std::filesystem::path& path);

/// What read_config_file() does with YAML; `file` for errors. A trainer built alone reads none: kUnsupported.
Result<std::vector<ConfigEntry>> read_yaml_config(const std::string& text, const std::string& file);

/// Lays them over `options`. Errors: kInvalidArgument naming option and line.
Result<void> apply_config(const std::vector<ConfigEntry>& entries, train::TrainingOptions& options);

}  // namespace epicrisis
