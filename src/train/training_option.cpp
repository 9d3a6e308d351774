#include "train/training_option.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/nearest_name.hpp"

namespace epicrisis::train {
namespace {

std::string underscored(std::string_view name) {
  std::string result(name.substr(std::min(name.find_first_not_of('-'), name.size())));
  std::replace(result.begin(), result.end(), '-', '_');
  return result;
}

/// `name` spelled as `like` is: "--max-steps" for an option of a command line.
std::string spelled_like(std::string name, std::string_view like) {
  if (!like.starts_with("--")) return name;
  std::replace(name.begin(), name.end(), '_', '-');
  return "--" + name;
}

Error unknown_option(std::string_view name) {
  std::vector<std::string> known;
  for (const TrainingOption& option : training_option_table())
    known.insert(known.end(), option.names.begin(), option.names.end());
  const std::string nearest(nearest_name(underscored(name), known));
  const std::string hint =
      nearest.empty() ? "." : fmt::format("; did you mean {}?", spelled_like(nearest, name));
  return {ErrorCode::kInvalidArgument,
          fmt::format("There is no option {}{} Run 'epicrisis train --help'.", name, hint),
          {}};
}

}  // namespace

const TrainingOption* find_training_option(std::string_view name) {
  const std::string wanted = underscored(name);
  for (const TrainingOption& option : training_option_table())
    for (const std::string& known : option.names)
      if (known == wanted) return &option;
  return nullptr;
}

Result<void> set_training_option(TrainingOptions& options, std::string_view name,
                                 std::span<const std::string> values) {
  const TrainingOption* option = find_training_option(name);
  if (option == nullptr) return unknown_option(name);
  const bool needs_value = option->arity == OptionArity::kOne;  // a list may be empty
  if (values.empty() ? needs_value : values.size() > 1 && option->arity != OptionArity::kMany)
    return Error{ErrorCode::kInvalidArgument, fmt::format("{} takes one value.", name), {}};
  Result<void> set = option->set(options, values);
  if (!set) set.error().public_message.insert(0, fmt::format("{} ", name));
  return set;
}

OrderedJson to_json(const TrainingOptions& options) {
  OrderedJson json;
  for (const TrainingOption& option : training_option_table())
    json[option.names.front()] = option.get(options);
  return json;
}

std::vector<std::string> changed_options(const Json& before, const TrainingOptions& now) {
  const std::array kIgnored = {"output_dir",         "overwrite_output_dir", "resume_from_checkpoint",
                               "logging_first_step", "logging_dir",          "disable_tqdm"};
  std::vector<std::string> changed;
  for (const TrainingOption& option : training_option_table()) {
    const std::string& name = option.names.front();
    if (std::find(kIgnored.begin(), kIgnored.end(), name) != kIgnored.end() || !before.is_object()) continue;
    if (before.value(name, Json()) != option.get(now)) changed.push_back(name);
  }
  return changed;
}

}  // namespace epicrisis::train
