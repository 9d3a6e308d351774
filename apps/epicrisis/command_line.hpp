#pragma once

#include "shared/program.hpp"

namespace epicrisis {

/// Registers the subcommands on `app`. Each is one function in commands/<name>_command.cpp that adds its
/// options and sets `chosen` in its callback.
void add_commands(CLI::App& app, CommandAction& chosen);

}  // namespace epicrisis
