#include "train/container/hyperparameters.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "base/nearest_name.hpp"

namespace epicrisis::train {
namespace {

Error invalid(std::string message) { return Error{ErrorCode::kInvalidArgument, std::move(message), {}}; }

using Alias = std::pair<std::string_view, std::string_view>;
constexpr std::array<Alias, 5> kAliases = {
    Alias{"epochs", "num_train_epochs"}, Alias{"train_batch_size", "per_device_train_batch_size"},
    Alias{"eval_batch_size", "per_device_eval_batch_size"}, Alias{"model_name", "model_name_or_path"},
    Alias{"model_id", "model_name_or_path"}};
/// The job's folder settles these.
constexpr std::array<std::string_view, 2> kSettled = {"output_dir", "overwrite_output_dir"};

std::string setting_name(std::string name) {
  std::replace(name.begin(), name.end(), '-', '_');
  for (const auto& [alias, meant] : kAliases)
    if (name == alias) return std::string(meant);
  return name;
}

/// Names that the SDK and its tuner add for the script that they would run.
bool belongs_to_the_sdk(std::string_view name) {
  return name.starts_with("sagemaker_") || name == "_tuning_objective_metric";
}

std::string text_of(const Json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

std::vector<std::string> values_of(const std::string& text) {
  const Json value = Json::parse(text, nullptr, false);
  if (value.is_null()) return {};
  if (value.is_string() || value.is_boolean()) return {text_of(value)};
  std::vector<std::string> items;
  if (value.is_array()) {
    for (const Json& item : value) items.push_back(text_of(item));
    return items;
  }
  if (!value.is_object()) return {text};  // numbers stay as they were typed
  for (const auto& [name, item] : value.items()) items.push_back(name + "=" + text_of(item));
  return {fmt::format("{}", fmt::join(items, ","))};
}

std::string why_unknown(const std::string& name, const std::vector<std::string>& known) {
  const std::string_view nearest = nearest_name(name, known);
  return nearest.empty()
             ? fmt::format("hyperparameter {} is none of the trainer's and is left out", name)
             : fmt::format("hyperparameter {} is none of the trainer's and is left out; did you mean {}?",
                           name, nearest);
}

}  // namespace

Result<Hyperparameters> read_hyperparameters(const Json& file, const std::vector<std::string>& known) {
  if (!file.is_object()) return invalid("hyperparameters.json must be one object of names and texts.");
  Hyperparameters result;
  std::map<std::string, std::string> given_as;
  for (const auto& [name, text] : file.items()) {
    if (belongs_to_the_sdk(name)) continue;
    if (!text.is_string())
      return invalid(fmt::format("Hyperparameter {} must be a text, as in \"3\".", name));
    const std::string setting = setting_name(name);
    if (std::ranges::find(kSettled, setting) != kSettled.end()) {
      result.ignored.push_back(fmt::format("hyperparameter {} is settled by the job's folder", name));
      continue;
    }
    if (std::ranges::find(known, setting) == known.end()) {
      result.ignored.push_back(why_unknown(name, known));
      continue;
    }
    if (const auto [place, is_new] = given_as.emplace(setting, name); !is_new)
      return invalid(fmt::format("Hyperparameters {} and {} are the same setting; leave out one of them.",
                                 place->second, name));
    std::vector<std::string> values = values_of(text.get<std::string>());
    if (!values.empty()) result.settings.emplace_back(setting, std::move(values));
  }
  return result;
}

}  // namespace epicrisis::train
