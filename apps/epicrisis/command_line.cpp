#include "command_line.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string_view>

#include "commands/commands.hpp"

namespace epicrisis {

void add_commands(CLI::App& app, CommandAction& chosen) {
  add_convert_command(app, chosen);
  add_evaluate_command(app, chosen);
  add_inspect_command(app, chosen);
  add_package_command(app, chosen);
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

}  // namespace epicrisis
