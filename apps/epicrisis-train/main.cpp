#include <fmt/format.h>
#include <malloc.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include "process_launcher.hpp"
#include "sagemaker_job.hpp"
#include "terminal_observer.hpp"
#include "train/distributed/process_group.hpp"
#include "train/dry_run.hpp"
#include "train/run_training.hpp"
#include "training_command_line.hpp"
#include "training_inputs.hpp"

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
                                         epicrisis::train::TrainingObserver& observer,
                                         const epicrisis::train::ProcessPlace& place) {
  EPICRISIS_ASSIGN_OR_RETURN(const epicrisis::TrainingInputs inputs,
                             epicrisis::TrainingInputs::fetch(std::move(options)));
  return epicrisis::train::run_training(inputs.options(), observer, place);
}

epicrisis::Result<epicrisis::Json> train_alone(epicrisis::train::TrainingOptions options,
                                               epicrisis::train::TrainingObserver& observer) {
  if (options.nproc > 1)
    return epicrisis::Error{epicrisis::ErrorCode::kUnsupported,
                            "A training job trains in one process; leave out the hyperparameter nproc.",
                            {}};
  return train(std::move(options), observer, {});
}

/// One of several processes ends: at once, for what waits for another that is gone would wait long.
[[noreturn]] void end(const epicrisis::Result<epicrisis::Json>& results,
                      const epicrisis::train::ProcessPlace& place) {
  int code = 0;
  if (!results) {
    const bool is_told = !place.meeting_file.empty() && epicrisis::train::is_lost_contact(results.error());
    code = is_told ? epicrisis::kLostContactExit : fail(results.error());
  } else if (place.rank == 0) {
    fmt::print("{}\n", results->dump());
  }
  if (std::fflush(stdout) != 0 && code == 0) code = 1;
  std::fflush(stderr);
  _exit(code);
}

int run(const std::vector<std::string>& arguments) {
  const auto job = epicrisis::sagemaker_prefix(arguments);
  if (!job) return fail(job.error());
  if (*job) return epicrisis::run_sagemaker_job(**job, train_alone);
  const auto command = epicrisis::parse_training_command(arguments);
  if (!command) return fail(command.error());
  if (!command->options) {
    fmt::print("{}", command->text);
    return 0;
  }
  const auto place = epicrisis::train::process_place_from_environment();
  if (!place) return fail(place.error());
  const bool trains = !command->options->dry_run && !command->options->prepare_only;
  if (command->options->nproc > 1 && place->size == 1 && trains)
    return epicrisis::launch_processes(command->options->nproc, arguments);
  epicrisis::TerminalObserver observer(!command->options->disable_tqdm && place->rank == 0);
  const auto results = train(*command->options, observer, *place);
  observer.finish();
  if (place->size > 1) end(results, *place);
  if (!results) return fail(results.error());
  if (command->options->dry_run) {
    fmt::print("{}", epicrisis::train::describe_dry_run(*results));
    return std::fflush(stdout) == 0 && (*results)["fits"].get<bool>() ? 0 : 1;
  }
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
