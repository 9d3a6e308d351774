#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>

#include "base/result.hpp"
#include "command_line.hpp"

namespace {

constexpr int kUsageError = 2;

int run(int argc, const char* const* argv) {
  CLI::App app{"Trains, proves, serves and traces summarizers of clinical notes on your own machines.",
               "epicrisis"};
  app.set_version_flag("--version", EPICRISIS_VERSION);
  app.require_subcommand(1);
  epicrisis::CommandAction chosen;
  epicrisis::add_commands(app, chosen);

  std::vector<std::string> arguments = epicrisis::normalised_arguments(argc, argv);
  std::reverse(arguments.begin(), arguments.end());  // CLI11 takes them last first
  try {
    app.parse(arguments);
  } catch (const CLI::ParseError& stopped) {
    if (stopped.get_exit_code() == 0) return app.exit(stopped);  // --help, --version
    fmt::print(stderr, "epicrisis: {}{} Run 'epicrisis --help'.\n", stopped.what(),
               epicrisis::did_you_mean(app));
    return kUsageError;
  }
  const epicrisis::Result<void> outcome = chosen();
  if (std::fflush(stdout) != 0) {
    fmt::print(stderr, "epicrisis: cannot write to standard output\n");
    return 1;
  }
  if (outcome) return 0;
  fmt::print(stderr, "epicrisis: {}\n", outcome.error().to_line());
  return epicrisis::exit_code(outcome.error());
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& failure) {
    fmt::print(stderr, "epicrisis: internal error: {}\n", failure.what());
    return 1;
  }
}
