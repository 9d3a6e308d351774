#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/files.hpp"
#include "commands/commands.hpp"

namespace epicrisis {
namespace {
namespace fs = std::filesystem;

/// Becomes `program`, which lies beside this one: libraries that only training (LibTorch, SentencePiece) or
/// servers (OpenSSL, SQLite) need stay out of what clinicians wait for.
Result<void> become(const std::string& program, std::vector<std::string> arguments) {
  std::error_code failure;
  const fs::path self = fs::read_symlink("/proc/self/exe", failure);
  const fs::path path = self.parent_path() / program;
  if (failure || !fs::exists(path))
    return Error{ErrorCode::kNotFound,
                 fmt::format("This needs the program {} beside epicrisis; install or build it.", program),
                 path.string()};
  std::vector<char*> argv = {
      const_cast<char*>(path.c_str())};  // execv's signature predates const; it writes nothing
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  execv(path.c_str(), argv.data());
  return system_error(errno, "start", path);
}

/// A command all of whose arguments, --help too, go to `program`, behind those of `first`.
void add_program_command(CLI::App& app, CommandAction& chosen, const std::string& name,
                         const std::string& program, const std::string& description,
                         const std::vector<std::string>& first = {}) {
  CLI::App* command = app.add_subcommand(name, description);
  command->prefix_command();
  command->set_help_flag();
  command->callback([command, program, first, &chosen] {
    chosen = [command, program, first] {
      std::vector<std::string> arguments = first;
      for (std::string& argument : command->remaining()) arguments.push_back(std::move(argument));
      return become(program, std::move(arguments));
    };
  });
}

}  // namespace

void add_server_commands(CLI::App& app, CommandAction& chosen) {
  const auto add = [&](const char* name, const char* description) {
    add_program_command(app, chosen, name, "epicrisis-server", description, {name});
  };
  add("audit", "Verify or print a server's audit log (epicrisis audit --help)");
  add("cleanup", "List or remove endpoints, models and artifacts of a server (epicrisis cleanup --help)");
  add("key", "Make, list and end access keys of a server (epicrisis key --help)");
  add("serve",
      "Serve SageMaker, S3, STS, IAM and CloudWatch Logs over one data folder (epicrisis serve --help)");
  add("worker", "Serve one model over HTTP: GET /ping and POST /invocations (epicrisis worker --help)");
}

void add_train_command(CLI::App& app, CommandAction& chosen) {
  add_program_command(app, chosen, "train", "epicrisis-train",
                      "Train a summarizer or fine-tune one (epicrisis train --help)");
}

void add_tokenizer_command(CLI::App& app, CommandAction& chosen) {
  add_program_command(app, chosen, "tokenizer", "epicrisis-tokenizer",
                      "Make tokenizers (epicrisis tokenizer train --help)");
}

}  // namespace epicrisis
