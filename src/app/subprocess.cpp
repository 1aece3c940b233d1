#include "app/subprocess.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <string_view>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

extern char** environ;

namespace cenote::app {

namespace {

using clock = std::chrono::steady_clock;

/// How often the child is looked at.
constexpr auto pace = std::chrono::milliseconds{20};
/// Between asking the child to end and killing it.
constexpr auto patience = std::chrono::seconds{5};

[[noreturn]] void fail(int error_number, const std::string& what) {
  throw std::system_error{error_number, std::generic_category(), what};
}

/// The reading end of a child's output.
class pipe_reader {
public:
  pipe_reader() {
    if (pipe2(ends_.data(), O_CLOEXEC) == -1)
      fail(errno, "cannot make a pipe");
    fcntl(ends_[0], F_SETFL, O_NONBLOCK);
  }

  pipe_reader(const pipe_reader&) = delete;

  ~pipe_reader() {
    close_writer();
    close(ends_[0]);
  }

  /// What to poll; -1 when the end has come.
  int reader() const { return at_end_ ? -1 : ends_[0]; }
  int writer() const { return ends_[1]; }

  void close_writer() {
    if (ends_[1] != -1)
      close(ends_[1]);
    ends_[1] = -1;
  }

  /// Takes what is there.
  void take(std::string& out) {
    std::array<char, 4096> buffer;
    ssize_t n = 0;
    while ((n = read(ends_[0], buffer.data(), buffer.size())) > 0)
      out.append(buffer.data(), static_cast<size_t>(n));
    at_end_ = n == 0;
  }

private:
  std::array<int, 2> ends_{-1, -1};
  bool at_end_ = false;
};

std::vector<char*> arguments(const std::vector<std::string>& args) {
  std::vector<char*> result;
  for (auto& arg : args)
    result.push_back(const_cast<char*>(arg.c_str()));
  result.push_back(nullptr);
  return result;
}

/// The child needs no credentials.
std::vector<char*> harmless_environment() {
  std::vector<char*> result;
  for (auto entry = environ; *entry != nullptr; ++entry)
    if (std::string_view{*entry}.find("DATABASE_") != 0)
      result.push_back(*entry);
  result.push_back(nullptr);
  return result;
}

pid_t spawn(const std::vector<std::string>& args, const pipe_reader& out, const pipe_reader& err) {
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&files, out.writer(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&files, err.writer(), STDERR_FILENO);
  posix_spawnattr_t how;
  posix_spawnattr_init(&how);
  posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  sigset_t signals;
  sigemptyset(&signals);
  posix_spawnattr_setsigmask(&how, &signals);
  sigaddset(&signals, SIGPIPE); // Connector/C ignores it.
  posix_spawnattr_setsigdefault(&how, &signals);
  posix_spawnattr_setpgroup(&how, 0);
  pid_t pid = -1;
  auto rc =
      posix_spawn(&pid, args.front().c_str(), &files, &how, arguments(args).data(), harmless_environment().data());
  posix_spawnattr_destroy(&how);
  posix_spawn_file_actions_destroy(&files);
  if (rc != 0)
    fail(rc, "cannot run " + args.front());
  return pid;
}

} // namespace

finished_process run_process(const std::vector<std::string>& args, std::chrono::seconds limit, std::stop_token cancel) {
  pipe_reader out;
  pipe_reader err;
  finished_process result;
  auto pid = spawn(args, out, err);
  out.close_writer();
  err.close_writer();
  auto deadline = clock::now() + limit;
  auto kill_at = clock::time_point::max();
  int status = 0;
  pid_t ended = 0;
  // Waits for the child, not for the end of its output: what it leaves running may hold that open.
  while (ended == 0) {
    pollfd ready[] = {{out.reader(), POLLIN, 0}, {err.reader(), POLLIN, 0}};
    poll(ready, 2, static_cast<int>(pace.count()));
    out.take(result.out);
    err.take(result.err);
    ended = waitpid(pid, &status, WNOHANG);
    auto now = clock::now();
    if (kill_at == clock::time_point::max() && (cancel.stop_requested() || now >= deadline)) {
      (cancel.stop_requested() ? result.cancelled : result.timed_out) = true;
      kill(-pid, SIGTERM);
      kill_at = now + patience;
    } else if (now >= kill_at) {
      kill(-pid, SIGKILL);
    }
  }
  out.take(result.out);
  err.take(result.err);
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

} // namespace cenote::app
