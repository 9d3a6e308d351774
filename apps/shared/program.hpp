#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace CLI {
class App;
}

// What the programs that read subcommands have in common.
namespace epicrisis {

/// What a chosen subcommand does once all options are parsed. An Error ends the program with its one line and
/// exit code.
using CommandAction = std::function<Result<void>()>;

/// main() of a program that does what `epicrisis <subcommand>` asks for; `add_commands` registers the
/// subcommands. Exit codes: 0, 1 for failures, 2 for wrong usage or input.
int run_program(int argc, const char* const* argv,
                void (*add_commands)(CLI::App& app, CommandAction& chosen));

/// argv without its first element, with '_' read as '-' in option names (before any '=').
std::vector<std::string> normalised_arguments(int argc, const char* const* argv);

/// "; did you mean '--num-beams'?" for the first option that parsing left over, where one of the chosen
/// command's is near; else empty.
std::string did_you_mean(const CLI::App& app);

}  // namespace epicrisis
