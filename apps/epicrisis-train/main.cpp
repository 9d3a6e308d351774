#include <fmt/format.h>
#include <malloc.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <optional>
#include <string>
#include <vector>

#include "hub/model_reference.hpp"
#include "sagemaker_job.hpp"
#include "terminal_observer.hpp"
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

epicrisis::Result<epicrisis::Json> train(epicrisis::train::TrainingOptions options,
                                         epicrisis::train::TrainingObserver& observer) {
  std::optional<epicrisis::ModelFolder> start;  // an unpacked archive lives as long as this
  if (!options.model.empty()) {
    EPICRISIS_ASSIGN_OR_RETURN(start, epicrisis::resolve_model(options.model.string()));
    options.model = start->path();
  }
  return epicrisis::train::run_training(options, observer);
}

int run(const std::vector<std::string>& arguments) {
  const auto job = epicrisis::sagemaker_prefix(arguments);
  if (!job) return fail(job.error());
  if (*job) return epicrisis::run_sagemaker_job(**job, train);
  const auto command = epicrisis::parse_training_command(arguments);
  if (!command) return fail(command.error());
  if (!command->options) {
    fmt::print("{}", command->text);
    return 0;
  }
  epicrisis::TerminalObserver observer(!command->options->disable_tqdm);
  const auto results = train(*command->options, observer);
  observer.finish();
  if (!results) return fail(results.error());
  fmt::print("{}\n", results->dump());
  return std::fflush(stdout) == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  keep_freed_memory();
  std::signal(SIGXFSZ, SIG_IGN);  // a file that may grow no further is a write error, as a full disk is
  try {
    return run({argv + 1, argv + argc});
  } catch (const std::exception& failure) {
    fmt::print(stderr, "epicrisis-train: internal error: {}\n", failure.what());
    return 1;
  }
}
