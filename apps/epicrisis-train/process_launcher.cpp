#include "process_launcher.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>

#include "base/descriptor.hpp"
#include "base/files.hpp"
#include "train/distributed/process_place.hpp"

extern char** environ;

namespace epicrisis {
namespace {

using Clock = std::chrono::steady_clock;

/// Others notice an end at once unless they compute on their own for long.
constexpr std::chrono::seconds kGrace{5};

struct Child {
  pid_t id = -1;
  std::unique_ptr<Descriptor> messages;  // what it wrote to standard error; none for rank 0
  std::optional<int> status;             // as waitpid gives it
  bool ended_here = false;               // killed because another one failed

  bool succeeded() const { return status && WIFEXITED(*status) && WEXITSTATUS(*status) == 0; }
  bool failed_itself() const {
    const bool lost = WIFEXITED(*status) && WEXITSTATUS(*status) == kLostContactExit;
    return !succeeded() && !lost && !ended_here;
  }
};

/// Texts for exec, made before fork: after it only plain system calls are safe.
struct Invocation {
  std::vector<std::string> texts, variables;
  std::vector<char*> argv, environment;

  Invocation(const std::vector<std::string>& arguments, int rank, int count, const std::string& meeting_file)
      : texts{"epicrisis-train"} {
    texts.insert(texts.end(), arguments.begin(), arguments.end());
    variables = {fmt::format("RANK={}", rank), fmt::format("LOCAL_RANK={}", rank),
                 fmt::format("WORLD_SIZE={}", count), fmt::format("LOCAL_WORLD_SIZE={}", count),
                 fmt::format("{}={}", train::kMeetingFileVariable, meeting_file)};
    for (std::string& text : texts) argv.push_back(text.data());
    for (std::string& text : variables) environment.push_back(text.data());
    for (char** inherited = environ; *inherited != nullptr; ++inherited) environment.push_back(*inherited);
    argv.push_back(nullptr);
    environment.push_back(nullptr);
  }
  Invocation(const Invocation&) = delete;
  Invocation& operator=(const Invocation&) = delete;
};

sigset_t heeded_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGINT, SIGTERM, SIGCHLD}) sigaddset(&signals, number);
  return signals;
}

Result<Child> start(const std::string& program, Invocation& invocation, bool is_main) {
  Child child;
  if (!is_main) {
    child.messages = std::make_unique<Descriptor>(memfd_create("messages", MFD_CLOEXEC));
    if (child.messages->get() < 0) return system_error(errno, "create", "memory file");
  }
  const sigset_t signals = heeded_signals();
  const pid_t parent = getpid();
  child.id = fork();
  if (child.id < 0) return system_error(errno, "start", "epicrisis-train");
  if (child.id > 0) return child;
  setpgid(0, 0);  // a terminal's Ctrl-C reaches the launcher alone, which passes it on once
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(1);
  if (!is_main) {
    const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    dup2(nowhere, STDOUT_FILENO);
    dup2(child.messages->get(), STDERR_FILENO);
  }
  sigprocmask(SIG_UNBLOCK, &signals, nullptr);
  execve(program.c_str(), invocation.argv.data(), invocation.environment.data());
  _exit(127);
}

void send_to_running(const std::vector<Child>& children, int number) {
  for (const Child& child : children)
    if (!child.status) kill(child.id, number);
}

/// Takes note of those that have ended.
void reap(std::vector<Child>& children) {
  int status = 0;
  for (pid_t ended = 0; (ended = waitpid(-1, &status, WNOHANG)) > 0;)
    for (Child& child : children)
      if (child.id == ended) child.status = status;
}

/// Waits until all have ended; once one has failed, no longer than kGrace.
void wait_for_all(std::vector<Child>& children) {
  const sigset_t signals = heeded_signals();
  std::optional<Clock::time_point> last_moment;
  for (;;) {
    reap(children);
    const auto is_running = [](const Child& child) { return !child.status; };
    if (std::none_of(children.begin(), children.end(), is_running)) return;
    const auto has_failed = [](const Child& child) { return child.status && !child.succeeded(); };
    if (!last_moment && std::any_of(children.begin(), children.end(), has_failed))
      last_moment = Clock::now() + kGrace;
    if (last_moment && Clock::now() >= *last_moment) {
      for (Child& child : children) child.ended_here = child.ended_here || !child.status;
      send_to_running(children, SIGKILL);
    }
    const timespec moment{0, 200'000'000};
    const int number = sigtimedwait(&signals, nullptr, &moment);
    if (number == SIGINT || number == SIGTERM) send_to_running(children, number);
  }
}

/// What a child wrote.
void show_messages(const Child& child) {
  std::array<char, 4096> block{};
  off_t at = 0;
  for (ssize_t count = 0; (count = pread(child.messages->get(), block.data(), block.size(), at)) > 0;
       at += count)
    std::fwrite(block.data(), 1, static_cast<std::size_t>(count), stderr);
}

int tell(const std::vector<Child>& children) {
  for (std::size_t rank = 0; rank < children.size(); ++rank) {
    const Child& child = children[rank];
    if (!child.failed_itself()) continue;
    if (WIFSIGNALED(*child.status)) {
      fmt::print(stderr,
                 "{}epicrisis-train: the process of rank {} was ended by signal {} ({}) and the others were "
                 "stopped; go on with --resume-from-checkpoint last.\n",
                 isatty(STDERR_FILENO) != 0 ? "\n" : "", rank, WTERMSIG(*child.status),
                 strsignal(WTERMSIG(*child.status)));
      return 1;
    }
    if (child.messages) show_messages(child);
    return WEXITSTATUS(*child.status);
  }
  if (std::all_of(children.begin(), children.end(), [](const Child& child) { return child.succeeded(); }))
    return 0;
  fmt::print(stderr,
             "epicrisis-train: the processes lost contact with each other and were stopped; go on with "
             "--resume-from-checkpoint last.\n");
  return 1;
}

}  // namespace

int launch_processes(int count, const std::vector<std::string>& arguments) {
  const auto fail = [](const Error& error) {
    fmt::print(stderr, "epicrisis-train: {}\n", error.to_line());
    return exit_code(error);
  };
  const auto folder = TemporaryDirectory::create();
  if (!folder) return fail(folder.error());
  std::error_code failure;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", failure);
  if (failure) return fail(system_error(failure.value(), "find", "epicrisis-train"));
  const sigset_t signals = heeded_signals();
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  std::vector<Child> children;
  for (int rank = 0; rank < count; ++rank) {
    Invocation invocation(arguments, rank, count, (folder->path() / "meeting").string());
    auto child = start(program.string(), invocation, rank == 0);
    if (!child) {
      send_to_running(children, SIGKILL);
      wait_for_all(children);
      return fail(child.error());
    }
    children.push_back(*std::move(child));
  }
  wait_for_all(children);
  return tell(children);
}

}  // namespace epicrisis
