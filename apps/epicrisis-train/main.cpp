#include <fmt/format.h>
#include <malloc.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <optional>

#include "hub/model_reference.hpp"
#include "terminal_observer.hpp"
#include "train/dry_run.hpp"
#include "train/run_training.hpp"
#include "training_command_line.hpp"

namespace {

/// Activations are large and short-lived: returning them to the system and taking them again costs a page
/// fault for each 4 KiB of every step.
void keep_freed_memory() {
  constexpr int kNever = 1 << 30;
  mallopt(M_MMAP_THRESHOLD, kNever);
  mallopt(M_TRIM_THRESHOLD, kNever);
}

int fail(const epicrisis::Error& error) {
  fmt::print(stderr, "epicrisis-train: {}\n", error.to_line());
  return epicrisis::exit_code(error);
}

int run(int argc, char** argv) {
  const auto command = epicrisis::parse_training_command({argv + 1, argv + argc});
  if (!command) return fail(command.error());
  if (!command->options) {
    fmt::print("{}", command->text);
    return 0;
  }
  epicrisis::train::TrainingOptions options = *command->options;
  std::optional<epicrisis::ModelFolder> start;  // an unpacked archive lives as long as this
  if (!options.model.empty()) {
    auto resolved = epicrisis::resolve_model(options.model.string());
    if (!resolved) return fail(resolved.error());
    start = *std::move(resolved);
    options.model = start->path();
  }
  epicrisis::TerminalObserver observer;
  const auto results = epicrisis::train::run_training(options, observer);
  observer.finish();
  if (!results) return fail(results.error());
  if (options.dry_run) {
    fmt::print("{}", epicrisis::train::describe_dry_run(*results));
    return std::fflush(stdout) == 0 && (*results)["fits"].get<bool>() ? 0 : 1;
  }
  fmt::print("{}\n", results->dump());
  return std::fflush(stdout) == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  keep_freed_memory();
  try {
    return run(argc, argv);
  } catch (const std::exception& failure) {
    fmt::print(stderr, "epicrisis-train: internal error: {}\n", failure.what());
    return 1;
  }
}
