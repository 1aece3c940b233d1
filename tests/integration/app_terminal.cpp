#include "integration/app_terminal.hpp"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <thread>

#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utmp.h>

namespace cenote::test {

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

constexpr auto patience = 30s;

} // namespace

terminal_program::terminal_program(std::vector<std::string> words, environment variables, unsigned short columns,
                                   unsigned short rows)
    : screen_{columns, rows} {
  if (!words.front().starts_with('/'))
    words.front() = CENOTE_BINARY_DIR "/bin/" + words.front();
  variables.try_emplace("TERM", "xterm");
  std::filesystem::create_directory(folder_.file("work"));
  auto env = make_environment(variables, folder_.file("work"));
  auto arguments = pointers(words);
  auto variables_there = pointers(env);
  winsize size{rows, columns, 0, 0};
  int inner = -1;
  if (openpty(&fd_, &inner, nullptr, nullptr, &size) != 0)
    throw std::system_error{errno, std::generic_category(), "no terminal"};
  tcgetattr(inner, &before_);
  pid_ = fork();
  if (pid_ == 0) {
    login_tty(inner);
    close_range(3, ~0u, 0); // A lock that the tests run under, too.
    if (chdir(folder_.file("work").c_str()) == 0)
      execve(arguments.front(), arguments.data(), variables_there.data());
    _exit(127);
  }
  close(inner);
}

terminal_program::~terminal_program() {
  if (pid_ > 0) {
    for (auto job : children()) // A shell would leave a stopped one behind.
      kill(job, SIGKILL);
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  close(fd_);
}

std::vector<pid_t> terminal_program::children() const {
  auto process = std::to_string(pid_);
  std::ifstream in{"/proc/" + process + "/task/" + process + "/children"};
  return {std::istream_iterator<pid_t>{in}, {}};
}

void terminal_program::read_some() {
  pollfd ready{fd_, POLLIN, 0};
  poll(&ready, 1, 20);
  char buffer[1 << 14];
  if ((ready.revents & POLLIN) == 0) {
    if (ready.revents != 0) // Nobody has the terminal open.
      std::this_thread::sleep_for(20ms);
    return;
  }
  if (auto n = read(fd_, buffer, sizeof(buffer)); n > 0)
    screen_.take({buffer, static_cast<size_t>(n)});
}

bool terminal_program::comes(const std::function<bool()>& condition) {
  for (auto end = clock::now() + patience; clock::now() < end; read_some())
    if (condition())
      return true;
  return false;
}

bool terminal_program::shows(const std::string& text) {
  return comes([&] { return contains(screen_.text(), text); });
}

void terminal_program::type(const std::string& keys) const {
  [[maybe_unused]] auto n = write(fd_, keys.data(), keys.size());
}

void terminal_program::resize(unsigned short columns, unsigned short rows) {
  screen_.resize(columns, rows);
  winsize size{rows, columns, 0, 0};
  ioctl(fd_, TIOCSWINSZ, &size); // Sends SIGWINCH.
}

void terminal_program::signal(int number) const {
  kill(pid_, number);
}

bool terminal_program::is_untouched() {
  termios now{};
  tcgetattr(fd_, &now);
  auto same = now.c_iflag == before_.c_iflag && now.c_oflag == before_.c_oflag && now.c_lflag == before_.c_lflag
              && std::memcmp(now.c_cc, before_.c_cc, sizeof(now.c_cc)) == 0;
  return same && !screen_.on_other_screen() && screen_.has_cursor() && screen_.wraps();
}

int terminal_program::wait(bool reads) {
  int status = 0;
  auto ended = [&] { return waitpid(pid_, &status, WNOHANG) != 0; };
  auto end = clock::now() + patience;
  while (!ended()) {
    if (clock::now() > end)
      kill(pid_, SIGKILL);
    if (reads)
      read_some();
    else
      std::this_thread::sleep_for(20ms);
  }
  pid_ = -1;
  for (int i = 0; i < 10; ++i) // What it has written last.
    read_some();
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

} // namespace cenote::test
