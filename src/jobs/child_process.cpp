#include "jobs/child_process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "base/files.hpp"

// close_range(2) came with Linux 5.9, its CLOEXEC flag with 5.11; glibc 2.36 declares the function.
#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

namespace epicrisis::jobs {
namespace net = boost::asio;
namespace {

constexpr std::size_t kMaxLineBytes = 64 * 1024;

/// Both ends of a pipe, closed with it unless released.
class Pipe {
 public:
  static Result<Pipe> create() {
    Pipe pipe;
    if (pipe2(pipe.ends_.data(), O_CLOEXEC) != 0) {
      return system_error(errno, "make a pipe for", "a child process");
    }
    return pipe;
  }
  Pipe(Pipe&& other) noexcept : ends_(std::exchange(other.ends_, {-1, -1})) {}
  Pipe& operator=(Pipe&&) = delete;
  ~Pipe() {
    close_write();
    if (ends_[0] >= 0) ::close(ends_[0]);
  }

  int read_end() const noexcept { return ends_[0]; }
  int write_end() const noexcept { return ends_[1]; }
  int release_read_end() noexcept { return std::exchange(ends_[0], -1); }
  void close_write() noexcept {
    if (ends_[1] >= 0) ::close(std::exchange(ends_[1], -1));
  }

 private:
  Pipe() = default;
  std::array<int, 2> ends_{-1, -1};
};

std::vector<char*> pointers_to(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  for (std::string& text : strings) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

/// All the child needs, made before fork(): after it only async-signal-safe calls are allowed.
struct Launch {
  char* const* argv;
  char* const* envp;
  const char* directory;  ///< Null: none.
  pid_t parent;
  int output;
  int errors;
  int report;  ///< Takes errno when execve fails; closed by a successful execve.
};

[[noreturn]] void become(const Launch& launch) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != launch.parent) _exit(127);  // the parent died before prctl
  setpgid(0, 0);
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGPIPE, SIGCHLD}) sigaction(number, &standard, nullptr);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  const int null = open("/dev/null", O_RDONLY);
  const bool ready = null >= 0 && dup2(null, 0) >= 0 && dup2(launch.output, 1) >= 0 &&
                     dup2(launch.errors, 2) >= 0 && close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) == 0 &&
                     (launch.directory == nullptr || chdir(launch.directory) == 0);
  if (ready) execve(launch.argv[0], launch.argv, launch.envp);
  const int failure = errno;
  [[maybe_unused]] const ssize_t told = write(launch.report, &failure, sizeof(failure));
  _exit(127);
}

/// fork() with all signals blocked: a handler of ours must not run in the child.
pid_t fork_into(const Launch& launch) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = fork();
  if (pid == 0) become(launch);
  const int failure = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = failure;
  return pid;
}

Result<pid_t> launch_process(const ProcessSpec& spec, int output, int errors) {
  std::vector<std::string> arguments = spec.command;
  std::vector<std::string> variables;
  for (const auto& [name, value] : spec.environment) variables.push_back(name + "=" + value);
  const std::vector<char*> argv = pointers_to(arguments);
  const std::vector<char*> envp = pointers_to(variables);
  EPICRISIS_ASSIGN_OR_RETURN(Pipe report, Pipe::create());
  Launch launch{argv.data(), envp.data(), nullptr, getpid(), output, errors, report.write_end()};
  if (!spec.working_directory.empty()) launch.directory = spec.working_directory.c_str();
  const pid_t pid = fork_into(launch);
  const int fork_failure = errno;
  report.close_write();
  if (pid < 0) return system_error(fork_failure, "start", spec.command.front());
  int failure = 0;
  ssize_t size = 0;
  do {
    size = read(report.read_end(), &failure, sizeof(failure));
  } while (size < 0 && errno == EINTR);
  if (size == sizeof(failure)) {
    waitpid(pid, nullptr, 0);
    return system_error(failure, "start", spec.command.front());
  }
  return pid;
}

/// Splits a stream into lines.
class LineReader {
 public:
  LineReader(const net::any_io_executor& executor, int descriptor, std::function<void(std::string_view)> sink)
      : stream_(executor, descriptor), sink_(std::move(sink)) {}

  template <class Done>
  void read(Done done) {
    stream_.async_read_some(net::buffer(block_),
                            [this, done](boost::system::error_code failure, std::size_t size) {
                              take({block_.data(), size});
                              if (!failure) return read(done);
                              if (!line_.empty()) flush();
                              boost::system::error_code ignored;
                              stream_.close(ignored);
                              done();
                            });
  }

 private:
  void take(std::string_view bytes) {
    while (!bytes.empty()) {
      const std::size_t end = bytes.find('\n');
      line_.append(bytes.substr(0, end));
      if (end == std::string_view::npos && line_.size() < kMaxLineBytes) return;
      flush();
      if (end == std::string_view::npos) return;
      bytes.remove_prefix(end + 1);
    }
  }
  void flush() {
    if (!line_.empty() && line_.back() == '\r') line_.pop_back();
    if (sink_) sink_(line_);
    line_.clear();
  }

  net::posix::stream_descriptor stream_;
  std::function<void(std::string_view)> sink_;
  std::array<char, 8192> block_{};
  std::string line_;
};

class Running final : public ChildProcess {
 public:
  Running(const net::any_io_executor& executor, pid_t pid, int pidfd, int output, int errors,
          ProcessEvents events)
      : ChildProcess(pid),
        end_(executor, pidfd),
        output_(executor, output, std::move(events.on_output)),
        errors_(executor, errors, std::move(events.on_error)),
        on_exit_(std::move(events.on_exit)) {}

  void watch() {
    auto self = std::static_pointer_cast<Running>(shared_from_this());
    output_.read([self] { self->part_ended(); });
    errors_.read([self] { self->part_ended(); });
    end_.async_wait(net::posix::descriptor_base::wait_read, [self](boost::system::error_code) {
      self->reap();
      self->part_ended();
    });
  }

 private:
  void reap() {
    kill(-pid_, SIGKILL);  // what it started would keep the pipes open, and the machine busy
    int status = 0;
    if (waitpid(pid_, &status, 0) == pid_) {
      if (WIFSIGNALED(status)) status_.signal = WTERMSIG(status);
      if (WIFEXITED(status)) status_.code = WEXITSTATUS(status);
    }
    running_ = false;
  }

  /// Both pipes and the process itself have to end.
  void part_ended() {
    if (++ended_ == 3 && on_exit_) std::exchange(on_exit_, nullptr)(status_);
  }

  net::posix::stream_descriptor end_;
  LineReader output_;
  LineReader errors_;
  std::function<void(ExitStatus)> on_exit_;
  ExitStatus status_;
  int ended_ = 0;
};

}  // namespace

std::string ExitStatus::to_string() const {
  if (signal == 0) return fmt::format("exit code {}", code);
  const char* name = strsignal(signal);
  return fmt::format("signal {} ({})", signal, name == nullptr ? "?" : name);
}

Result<std::shared_ptr<ChildProcess>> ChildProcess::start(const net::any_io_executor& executor,
                                                          const ProcessSpec& spec, ProcessEvents events) {
  EPICRISIS_CHECK(!spec.command.empty());
  EPICRISIS_ASSIGN_OR_RETURN(Pipe output, Pipe::create());
  EPICRISIS_ASSIGN_OR_RETURN(Pipe errors, Pipe::create());
  EPICRISIS_ASSIGN_OR_RETURN(const pid_t pid, launch_process(spec, output.write_end(), errors.write_end()));
  const int pidfd =
      static_cast<int>(syscall(SYS_pidfd_open, pid, 0));  // glibc 2.36 declares it without extern "C"
  if (pidfd < 0) {
    Error failure = system_error(errno, "watch", spec.command.front());
    kill(-pid, SIGKILL);
    waitpid(pid, nullptr, 0);
    return failure;
  }
  auto running = std::make_shared<Running>(executor, pid, pidfd, output.release_read_end(),
                                           errors.release_read_end(), std::move(events));
  running->watch();
  return std::shared_ptr<ChildProcess>(std::move(running));
}

void ChildProcess::send_signal(int number) const {
  if (running_) kill(-pid_, number);
}

}  // namespace epicrisis::jobs
