#pragma once

#include "command_line.hpp"

// One function a subcommand, each defined in <name>_command.cpp beside this file. They add the subcommand and
// its options to `app`; when it is chosen on the command line, `chosen` becomes what it does.
namespace epicrisis {

void add_bench_command(CLI::App& app, CommandAction& chosen);
void add_convert_command(CLI::App& app, CommandAction& chosen);
void add_evaluate_command(CLI::App& app, CommandAction& chosen);
void add_hub_command(CLI::App& app, CommandAction& chosen);
void add_inspect_command(CLI::App& app, CommandAction& chosen);
void add_package_command(CLI::App& app, CommandAction& chosen);
void add_score_command(CLI::App& app, CommandAction& chosen);
void add_server_commands(CLI::App& app, CommandAction& chosen);
void add_summarize_command(CLI::App& app, CommandAction& chosen);
void add_synth_command(CLI::App& app, CommandAction& chosen);
void add_tokenize_command(CLI::App& app, CommandAction& chosen);
void add_tokenizer_command(CLI::App& app, CommandAction& chosen);
void add_train_command(CLI::App& app, CommandAction& chosen);
void add_unpack_command(CLI::App& app, CommandAction& chosen);

}  // namespace epicrisis
