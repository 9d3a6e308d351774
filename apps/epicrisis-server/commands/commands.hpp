#pragma once

#include "shared/program.hpp"

// One function a subcommand, each defined in <name>_command.cpp beside this file. They add the subcommand and
// its options to `app`; when it is chosen on the command line, `chosen` becomes what it does.
namespace epicrisis {

void add_cleanup_command(CLI::App& app, CommandAction& chosen);
void add_audit_command(CLI::App& app, CommandAction& chosen);
void add_key_command(CLI::App& app, CommandAction& chosen);
void add_serve_command(CLI::App& app, CommandAction& chosen);
void add_worker_command(CLI::App& app, CommandAction& chosen);

}  // namespace epicrisis
