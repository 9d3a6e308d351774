#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <filesystem>

#include "base/files.hpp"
#include "commands/commands.hpp"

namespace epicrisis {
namespace {
namespace fs = std::filesystem;

/// Becomes epicrisis-train, which lies beside this program: LibTorch stays out of what clinicians wait for.
Result<void> run_trainer(const std::vector<std::string>& arguments) {
  std::error_code failure;
  const fs::path self = fs::read_symlink("/proc/self/exe", failure);
  const fs::path trainer = self.parent_path() / "epicrisis-train";
  if (failure || !fs::exists(trainer))
    return Error{ErrorCode::kNotFound,
                 "Training needs the program epicrisis-train beside epicrisis; install or build it.",
                 trainer.string()};
  std::vector<std::string> owned = arguments;
  std::vector<char*> argv = {
      const_cast<char*>(trainer.c_str())};  // execv's signature predates const; it writes nothing
  for (std::string& argument : owned) argv.push_back(argument.data());
  argv.push_back(nullptr);
  execv(trainer.c_str(), argv.data());
  return system_error(errno, "start", trainer);
}

}  // namespace

void add_train_command(CLI::App& app, CommandAction& chosen) {
  CLI::App* command =
      app.add_subcommand("train", "Train a summarizer or fine-tune one (epicrisis train --help)");
  command->prefix_command();
  command->set_help_flag();  // --help goes to the trainer, too
  command->callback([command, &chosen] { chosen = [command] { return run_trainer(command->remaining()); }; });
}

}  // namespace epicrisis
