#include "shared/program.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <string_view>

#include "base/nearest_name.hpp"

namespace epicrisis {
namespace {

constexpr int kUsageError = 2;

/// Long names of the options of `app` and of the subcommands that were chosen below it.
void collect_options(const CLI::App& app, std::vector<std::string>& names) {
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  for (const CLI::App* command : app.get_subcommands()) collect_options(*command, names);
}

int run(int argc, const char* const* argv, void (*add_commands)(CLI::App&, CommandAction&)) {
  CLI::App app{"Trains, proves, serves and traces summarizers of clinical notes on your own machines.",
               "epicrisis"};
  app.set_version_flag("--version", EPICRISIS_VERSION);
  app.require_subcommand(1);
  CommandAction chosen;
  add_commands(app, chosen);

  std::vector<std::string> arguments = normalised_arguments(argc, argv);
  std::reverse(arguments.begin(), arguments.end());  // CLI11 takes them last first
  try {
    app.parse(arguments);
  } catch (const CLI::ParseError& stopped) {
    if (stopped.get_exit_code() == 0) return app.exit(stopped);  // --help, --version
    fmt::print(stderr, "epicrisis: {}{} Run 'epicrisis --help'.\n", stopped.what(), did_you_mean(app));
    return kUsageError;
  }
  const Result<void> outcome = chosen();
  if (std::fflush(stdout) != 0) {
    fmt::print(stderr, "epicrisis: cannot write to standard output\n");
    return 1;
  }
  if (outcome) return 0;
  fmt::print(stderr, "epicrisis: {}\n", outcome.error().to_line());
  return exit_code(outcome.error());
}

}  // namespace

int run_program(int argc, const char* const* argv, void (*add_commands)(CLI::App&, CommandAction&)) {
  try {
    return run(argc, argv, add_commands);
  } catch (const std::exception& failure) {
    fmt::print(stderr, "epicrisis: internal error: {}\n", failure.what());
    return 1;
  }
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
