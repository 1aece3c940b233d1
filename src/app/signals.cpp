#include "app/signals.hpp"

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <system_error>
#include <unistd.h>

namespace cenote::app {

namespace {

sigset_t watched() {
  sigset_t result;
  sigemptyset(&result);
  sigaddset(&result, SIGINT);
  sigaddset(&result, SIGTERM);
  // Under nohup the end of the terminal must not matter.
  struct sigaction hangup;
  if (sigaction(SIGHUP, nullptr, &hangup) == 0 && hangup.sa_handler != SIG_IGN)
    sigaddset(&result, SIGHUP);
  return result;
}

int checked(int fd) {
  if (fd == -1)
    throw std::system_error{errno, std::generic_category(), "cannot watch for signals"};
  return fd;
}

} // namespace

void signal_watch::block() {
  auto signals = watched();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

signal_watch::signal_watch() {
  auto signals = watched();
  signals_ = checked(signalfd(-1, &signals, SFD_CLOEXEC));
  ended_ = checked(eventfd(0, EFD_CLOEXEC));
  thread_ = std::thread{[this] { run(); }};
}

signal_watch::~signal_watch() {
  uint64_t one = 1;
  [[maybe_unused]] auto n = write(ended_, &one, sizeof(one));
  thread_.join();
  close(ended_);
  close(signals_);
}

void signal_watch::run() {
  for (;;) {
    pollfd ready[] = {{signals_, POLLIN, 0}, {ended_, POLLIN, 0}};
    if (poll(ready, 2, -1) == -1)
      continue; // Interrupted.
    if (ready[1].revents != 0)
      return;
    signalfd_siginfo info;
    if (read(signals_, &info, sizeof(info)) != sizeof(info))
      continue;
    if (received_ == 0) {
      received_ = static_cast<int>(info.ssi_signo);
      first_.request_stop();
    } else {
      second_.request_stop();
    }
  }
}

} // namespace cenote::app
