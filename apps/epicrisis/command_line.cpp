#include "command_line.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string_view>

#include "base/nearest_name.hpp"
#include "commands/commands.hpp"

namespace epicrisis {
namespace {

/// Long names of the options of `app` and of the subcommands that were chosen below it.
void collect_options(const CLI::App& app, std::vector<std::string>& names) {
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  for (const CLI::App* command : app.get_subcommands()) collect_options(*command, names);
}

}  // namespace

void add_commands(CLI::App& app, CommandAction& chosen) {
  add_audit_command(app, chosen);
  add_convert_command(app, chosen);
  add_evaluate_command(app, chosen);
  add_hub_command(app, chosen);
  add_inspect_command(app, chosen);
  add_key_command(app, chosen);
  add_package_command(app, chosen);
  add_score_command(app, chosen);
  add_serve_command(app, chosen);
  add_summarize_command(app, chosen);
  add_synth_command(app, chosen);
  add_tokenize_command(app, chosen);
  add_tokenizer_command(app, chosen);
  add_train_command(app, chosen);
  add_unpack_command(app, chosen);
  add_worker_command(app, chosen);
}

std::vector<std::string> normalised_arguments(int argc, const char* const* argv) {
  std::vector<std::string> arguments(argv + 1, argv + argc);
  for (std::string& argument : arguments) {
    if (!argument.starts_with("--")) continue;
    if (argument.size() == 2) break;  // "--": what follows are operands
    std::replace(
        argument.begin(),
        argument.begin() + static_cast<std::ptrdiff_t>(std::min(argument.find('='), argument.size())), '_',
        '-');
  }
  return arguments;
}

std::string did_you_mean(const CLI::App& app) {
  std::vector<std::string> names;
  collect_options(app, names);
  for (const std::string& extra : app.remaining(true)) {
    if (!extra.starts_with("--")) continue;
    const std::string_view nearest = nearest_name(std::string_view(extra).substr(0, extra.find('=')), names);
    return nearest.empty() ? std::string() : "; did you mean '" + std::string(nearest) + "'?";
  }
  return {};
}

}  // namespace epicrisis
