#include "training_command_line.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>

#include "config_file.hpp"
#include "train/training_option.hpp"

namespace epicrisis {
namespace {

using train::OptionArity;
using train::TrainingOption;
using train::TrainingOptions;

/// "--max-steps" for "max_steps".
std::string flag(std::string name) {
  std::replace(name.begin(), name.end(), '_', '-');
  return "--" + name;
}

std::string default_text(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  return value.is_null() || value.empty() ? std::string() : value.dump();
}

/// Adds `option`; its texts go to `given` when the command line has it.
void add_option(CLI::App& app, const TrainingOption& option, std::vector<std::string>& given) {
  std::string names;
  for (const std::string& name : option.names) names += (names.empty() ? "" : ",") + flag(name);
  if (option.names.front() == "output_dir") names += ",-o";
  CLI::Option* added =
      app.add_option(names, given, option.help)->group(option.group)->type_name(option.placeholder);
  const std::string preset = default_text(option.get(TrainingOptions{}));
  // CLI11 reads the default as the value of an option that stands alone: --dry-run would mean false.
  if (option.arity == OptionArity::kSwitch)
    added->type_name(option.placeholder + "=" + preset);
  else
    added->default_str(preset);
  if (option.arity == OptionArity::kMany) return;
  added->expected(option.arity == OptionArity::kSwitch ? 0 : 1, 1);
  added->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  added->allow_extra_args(false);
}

void normalise_names(std::vector<std::string>& arguments) {
  for (std::string& argument : arguments) {
    if (!argument.starts_with("--")) continue;
    const auto name_end =
        argument.begin() + static_cast<std::ptrdiff_t>(std::min(argument.find('='), argument.size()));
    std::replace(argument.begin(), name_end, '_', '-');
  }
}

/// The message for the first argument that names no option.
Result<void> refuse_unknown(const CLI::App& app, const std::vector<std::string>& arguments) {
  for (const std::string& argument : arguments) {
    const std::string name = argument.substr(0, argument.find('='));
    if (!name.starts_with("--") || app.get_option_no_throw(name) != nullptr) continue;
    TrainingOptions unused;
    EPICRISIS_RETURN_IF_ERROR(train::set_training_option(unused, name, {}));
  }
  return {};
}

}  // namespace

Result<TrainingCommand> parse_training_command(std::vector<std::string> arguments) {
  CLI::App app{"Trains a summarizer: from scratch, by gap sentences, or from a pre-trained model.",
               "epicrisis train"};
  app.set_version_flag("--version", EPICRISIS_VERSION);
  std::string config;
  app.add_option("--config", config, "YAML or JSON file of options; those of the command line win")
      ->type_name("FILE");
  std::map<const TrainingOption*, std::vector<std::string>> given;
  for (const TrainingOption& option : train::training_option_table()) add_option(app, option, given[&option]);
  normalise_names(arguments);
  EPICRISIS_RETURN_IF_ERROR(refuse_unknown(app, arguments));
  try {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // CLI11 takes them last first
    app.parse(reversed);
  } catch (const CLI::CallForHelp&) {
    return TrainingCommand{std::nullopt, app.help()};
  } catch (const CLI::CallForVersion&) {
    return TrainingCommand{std::nullopt, std::string(EPICRISIS_VERSION) + "\n"};
  } catch (const CLI::ParseError& failure) {
    return Error{ErrorCode::kInvalidArgument, failure.what(), {}};
  }
  TrainingOptions options;
  if (!config.empty()) {
    EPICRISIS_ASSIGN_OR_RETURN(const auto entries, read_config_file(config));
    EPICRISIS_RETURN_IF_ERROR(apply_config(entries, options));
  }
  for (const TrainingOption& option : train::training_option_table()) {
    const std::string name = flag(option.names.front());
    if (app.get_option(name)->count() == 0) continue;
    std::vector<std::string>& values = given[&option];
    // CLI11 hands over an empty text for an option that stands alone.
    if (option.arity == OptionArity::kSwitch && values == std::vector<std::string>{""}) values.clear();
    EPICRISIS_RETURN_IF_ERROR(train::set_training_option(options, name, values));
  }
  return TrainingCommand{std::move(options), {}};
}

}  // namespace epicrisis
