#include "support/subprocess.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <system_error>
#include <thread>

extern char** environ;

namespace epicrisis::testing {
namespace {

[[noreturn]] void fail(int error_number, const std::string& action) {
  throw std::system_error(error_number, std::generic_category(), action);
}

int memory_file(const char* name) {
  const int descriptor = memfd_create(name, MFD_CLOEXEC);
  if (descriptor < 0) fail(errno, "memfd_create");
  return descriptor;
}

std::string content_of(int descriptor) {
  struct stat status {};
  if (fstat(descriptor, &status) != 0) fail(errno, "fstat");
  std::string content(static_cast<std::size_t>(status.st_size), '\0');
  const ssize_t count = pread(descriptor, content.data(), content.size(), 0);
  if (count < 0) fail(errno, "pread");
  content.resize(static_cast<std::size_t>(count));
  return content;
}

/// The current environment with `added` over it, as NAME=VALUE.
std::vector<std::string> merged_environment(const std::vector<std::pair<std::string, std::string>>& added) {
  std::vector<std::string> merged;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    bool replaced = false;
    for (const auto& [name, value] : added) replaced = replaced || text.starts_with(name + "=");
    if (!replaced) merged.push_back(text);
  }
  for (const auto& [name, value] : added) merged.push_back(name + "=" + value);
  return merged;
}

std::vector<char*> as_argv(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

Subprocess::Subprocess(const std::vector<std::string>& command, const ProcessOptions& options) {
  const int input = memory_file("input");
  std::size_t written = 0;
  while (written < options.input.size()) {
    const ssize_t count = write(input, options.input.data() + written, options.input.size() - written);
    if (count < 0) fail(errno, "write");
    written += static_cast<std::size_t>(count);
  }
  if (lseek(input, 0, SEEK_SET) < 0) fail(errno, "lseek");
  output_ = memory_file("output");
  errors_ = memory_file("errors");

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  if (options.output_file) {
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, options.output_file->c_str(),
                                     O_WRONLY | O_CREAT | O_TRUNC, 0600);
  } else {
    posix_spawn_file_actions_adddup2(&actions, output_, STDOUT_FILENO);
  }
  posix_spawn_file_actions_adddup2(&actions, errors_, STDERR_FILENO);
  if (!options.working_directory.empty()) {
    posix_spawn_file_actions_addchdir_np(&actions, options.working_directory.c_str());
  }
  std::vector<std::string> arguments = command;
  std::vector<std::string> environment = merged_environment(options.environment);
  const int failure = posix_spawn(&pid_, arguments.at(0).c_str(), &actions, nullptr,
                                  as_argv(arguments).data(), as_argv(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  close(input);
  if (failure != 0) {
    ended_ = true;
    fail(failure, "start " + command[0]);
  }
}

Subprocess::~Subprocess() {
  if (!ended_) {
    kill(pid_, SIGKILL);
    waitpid(pid_, &status_, 0);
  }
  close(output_);
  close(errors_);
}

void Subprocess::send_signal(int signal) const {
  if (!ended_) kill(pid_, signal);
}

std::string Subprocess::output() const { return content_of(output_); }
std::string Subprocess::errors() const { return content_of(errors_); }

bool Subprocess::try_wait() {
  if (!ended_) ended_ = waitpid(pid_, &status_, WNOHANG) == pid_;
  return ended_;
}

ProcessOutcome Subprocess::wait(std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  ProcessOutcome outcome;
  while (!try_wait()) {
    if (std::chrono::steady_clock::now() >= deadline) {
      outcome.timed_out = true;
      kill(pid_, SIGKILL);
      waitpid(pid_, &status_, 0);
      ended_ = true;
      break;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  outcome.exit_code = WIFEXITED(status_) ? WEXITSTATUS(status_) : 128 + WTERMSIG(status_);
  outcome.output = output();
  outcome.errors = errors();
  return outcome;
}

ProcessOutcome run_process(const std::vector<std::string>& command, const ProcessOptions& options) {
  return Subprocess(command, options).wait(options.timeout);
}

}  // namespace epicrisis::testing
