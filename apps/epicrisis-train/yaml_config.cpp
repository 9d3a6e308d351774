#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <set>

#include "base/json.hpp"
#include "config_file.hpp"

namespace epicrisis {
namespace {

Error at(const std::string& where, std::string message) {
  return {ErrorCode::kInvalidArgument, std::move(message), where};
}

Result<ConfigEntry> read_entry(const std::string& name, const YAML::Node& value, std::string where) {
  ConfigEntry entry{name, {}, value.IsNull(), std::move(where)};
  if (value.IsScalar()) {
    entry.values.push_back(value.Scalar());
  } else if (value.IsMap()) {
    Json object = Json::object();
    for (const auto& item : value) {
      if (!item.second.IsScalar()) return at(entry.where, fmt::format("{} holds more than values.", name));
      object[item.first.Scalar()] = item.second.Scalar();
    }
    entry.values.push_back(object.dump());
  } else if (value.IsSequence()) {
    for (const YAML::Node& item : value) {
      if (!item.IsScalar()) return at(entry.where, fmt::format("{} must be a list of values.", name));
      entry.values.push_back(item.Scalar());
    }
  }
  return entry;
}

}  // namespace

Result<std::vector<ConfigEntry>> read_yaml_config(const std::string& text, const std::string& file) {
  try {
    const YAML::Node config = YAML::Load(text);
    if (!config.IsMap())
      return at(file, "The configuration must be a map of options, one 'name: value' a line.");
    std::vector<ConfigEntry> entries;
    std::set<std::string> seen;
    for (const auto& item : config) {
      std::string where = fmt::format("{}:{}", file, item.first.Mark().line + 1);
      if (!item.first.IsScalar()) return at(where, "The name of an option must be a word.");
      const std::string name = item.first.Scalar();
      if (!seen.insert(name).second) return at(where, fmt::format("The configuration gives {} twice.", name));
      EPICRISIS_ASSIGN_OR_RETURN(ConfigEntry entry, read_entry(name, item.second, std::move(where)));
      entries.push_back(std::move(entry));
    }
    return entries;
  } catch (const YAML::Exception& failure) {
    return at(fmt::format("{}:{}", file, failure.mark.line + 1),
              fmt::format("The configuration is no YAML: {}.", failure.msg));
  }
}

}  // namespace epicrisis
