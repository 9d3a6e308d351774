#include "config_file.hpp"

#include <fmt/format.h>

#include <set>

#include "base/files.hpp"
#include "base/json.hpp"
#include "train/training_option.hpp"

namespace epicrisis {
namespace {

Error at(const std::string& where, std::string message) {
  return {ErrorCode::kInvalidArgument, std::move(message), where};
}

std::string text_of(const Json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

/// The name that a JSON object has twice at its top, or nothing.
std::string repeated_name(std::string_view text) {
  std::set<std::string> seen;
  std::string repeated;
  const auto note = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::key && depth == 1 && !seen.insert(parsed.get<std::string>()).second)
      repeated = parsed.get<std::string>();
    return true;
  };
  [[maybe_unused]] const Json parsed_again = Json::parse(text, note, false);
  return repeated;
}

Result<std::vector<ConfigEntry>> read_json_config(std::string_view text, const std::string& file) {
  EPICRISIS_ASSIGN_OR_RETURN(const Json config, parse_json(text, file));
  if (!config.is_object()) return at(file, "The configuration must be an object of options.");
  if (const std::string name = repeated_name(text); !name.empty())
    return at(file, fmt::format("The configuration gives {} twice.", name));
  std::vector<ConfigEntry> entries;
  for (const auto& [name, value] : config.items()) {
    ConfigEntry entry{name, {}, value.is_null(), file};
    if (value.is_array())
      for (const Json& item : value) entry.values.push_back(text_of(item));
    else
      entry.values.push_back(text_of(value));
    entries.push_back(std::move(entry));
  }
  return entries;
}

}  // namespace

Result<std::vector<ConfigEntry>> read_config_file(const std::filesystem::path& path) {
  constexpr std::uint64_t kLargest = 1U << 20;
  EPICRISIS_ASSIGN_OR_RETURN(const std::string text, read_file(path, kLargest));
  const std::string file = path.filename().string();
  return path.extension() == ".json" ? read_json_config(text, file) : read_yaml_config(text, file);
}

Result<void> apply_config(const std::vector<ConfigEntry>& entries, train::TrainingOptions& options) {
  const train::TrainingOptions defaults;
  for (const ConfigEntry& entry : entries) {
    const train::TrainingOption* option = train::find_training_option(entry.name);
    if (entry.is_null && option != nullptr && option->get(defaults).is_null()) continue;
    const bool is_list = option != nullptr && option->arity == train::OptionArity::kMany;
    const std::vector<std::string> null =
        is_list ? std::vector<std::string>() : std::vector<std::string>{"null"};
    Result<void> set = train::set_training_option(options, entry.name, entry.is_null ? null : entry.values);
    if (set) continue;
    set.error().detail = entry.where;
    return set;
  }
  return {};
}

}  // namespace epicrisis
