#include "app/terminal.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <string>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace cenote::app {

namespace {

/// The other screen, without cursor; a line that is too long stays on its line.
constexpr std::string_view enter = "\x1b[?1049h\x1b[?25l\x1b[?7l";
constexpr std::string_view leave = "\x1b[?7h\x1b[?25h\x1b[?1049l";
/// How long a terminal that takes nothing is waited for, in milliseconds.
constexpr int patience = 1000;

constexpr char control_c = 3;
constexpr char control_l = 12;
constexpr char control_z = 26;

sigset_t watched() {
  sigset_t out;
  sigemptyset(&out);
  for (auto number : {SIGWINCH, SIGTSTP, SIGCONT})
    sigaddset(&out, number);
  return out;
}

/// The terminal, opened once more: whoever shares standard output must not find it non-blocking.
int open_terminal() {
  char name[256];
  auto fd =
      ttyname_r(STDOUT_FILENO, name, sizeof(name)) == 0 ? open(name, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOCTTY) : -1;
  return fd >= 0 ? fd : fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
}

std::string_view escape(style look) {
  switch (look) {
  case style::title:
    return "\x1b[1m";
  case style::good:
    return "\x1b[32m";
  case style::warning:
    return "\x1b[33m";
  case style::bad:
    return "\x1b[1;31m";
  case style::faint:
    return "\x1b[2m";
  default:
    return "";
  }
}

} // namespace

bool terminal::is_usable() {
  auto kind = std::getenv("TERM");
  return isatty(STDOUT_FILENO) == 1 && kind != nullptr && *kind != '\0' && std::string_view{kind} != "dumb";
}

terminal::terminal(bool colours, int cancelled) : colours_{colours}, cancelled_{cancelled}, fd_{open_terminal()} {
  auto signals = watched();
  pthread_sigmask(SIG_BLOCK, &signals, &signals_before_);
  signals_ = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
  if (fd_ < 0 || signals_ < 0 || tcgetattr(fd_, &modes_before_) != 0) {
    auto reason = errno;
    pthread_sigmask(SIG_SETMASK, &signals_before_, nullptr);
    close(fd_);
    close(signals_);
    throw std::system_error{reason, std::generic_category(), "cannot use the terminal"};
  }
  take_over();
}

terminal::~terminal() {
  give_back();
  pthread_sigmask(SIG_SETMASK, &signals_before_, nullptr);
  close(fd_);
  close(signals_);
}

screen_size terminal::size() const {
  constexpr size_t largest = 1000;
  winsize found{};
  if (ioctl(fd_, TIOCGWINSZ, &found) != 0 || found.ws_col == 0 || found.ws_row == 0)
    return {};
  return {std::min<size_t>(found.ws_col, largest), std::min<size_t>(found.ws_row, largest)};
}

void terminal::draw(const std::vector<styled_line>& lines) {
  auto [columns, rows] = size();
  std::string out = "\x1b[H";
  auto first = true;
  for (auto& line : lines) {
    if (!std::exchange(first, false))
      out += "\r\n";
    for (auto& piece : line.spans()) {
      auto colour = colours_ ? escape(piece.style) : "";
      out.append(colour).append(piece.text).append(colour.empty() ? "" : "\x1b[m");
    }
    // At the right margin this would erase the last character.
    if (line.width() < columns)
      out += "\x1b[K";
  }
  if (lines.size() < rows)
    out += "\r\n\x1b[J";
  write(out);
}

terminal::event terminal::take_event() {
  auto from_keys = read_keys();
  return std::max(from_keys, read_signals()); // Ends count for more than a redraw.
}

terminal::event terminal::read_keys() {
  pollfd ready{fd_, POLLIN, 0};
  if (poll(&ready, 1, 0) <= 0)
    return event::none;
  char keys[64];
  auto n = read(fd_, keys, sizeof(keys));
  if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
    return event::gone;
  auto out = event::none;
  for (ssize_t i = 0; i < n; ++i)
    switch (keys[i]) {
    case 'q':
    case 'Q':
      return event::quit;
    case control_c:
      return event::interrupt;
    case control_z:
      kill(0, SIGTSTP); // As the terminal does: the whole job.
      break;
    case control_l:
      out = event::redraw;
      break;
    default:
      break;
    }
  return out;
}

terminal::event terminal::read_signals() {
  auto out = event::none;
  signalfd_siginfo info{};
  while (read(signals_, &info, sizeof(info)) == sizeof(info)) {
    out = event::redraw;
    if (info.ssi_signo == SIGTSTP)
      suspend();
    else if (info.ssi_signo == SIGCONT)
      take_over(); // After SIGSTOP the shell may have used the terminal.
  }
  return out;
}

void terminal::suspend() {
  struct sigaction now {};
  if (sigaction(SIGTSTP, nullptr, &now) == 0 && now.sa_handler == SIG_IGN)
    return;
  give_back();
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTSTP);
  raise(SIGTSTP);
  pthread_sigmask(SIG_UNBLOCK, &stop, nullptr); // Stops here.
  pthread_sigmask(SIG_BLOCK, &stop, nullptr);
  tcgetattr(fd_, &modes_before_);
  take_over();
}

void terminal::take_over() {
  auto modes = modes_before_;
  modes.c_iflag &= ~static_cast<tcflag_t>(IXON | ICRNL | INLCR | ISTRIP);
  modes.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO | ECHONL | ISIG | IEXTEN);
  modes.c_cc[VMIN] = 1;
  modes.c_cc[VTIME] = 0;
  tcsetattr(fd_, TCSANOW, &modes);
  write(enter);
}

void terminal::give_back() {
  write(leave);
  tcsetattr(fd_, TCSANOW, &modes_before_);
}

void terminal::write(std::string_view text) const {
  while (!text.empty()) {
    pollfd ready[] = {{fd_, POLLOUT, 0}, {cancelled_, POLLIN, 0}};
    auto n_ready = poll(ready, 2, patience);
    if (n_ready == 0 || (n_ready < 0 && errno != EINTR))
      return;
    // Once cancelled, what it takes at once is all that it gets.
    auto n = ::write(fd_, text.data(), text.size());
    if (n >= 0)
      text.remove_prefix(static_cast<size_t>(n));
    else if (ready[1].revents != 0 || (errno != EAGAIN && errno != EINTR))
      return;
  }
}

} // namespace cenote::app
