#include "app/signals.hpp"

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <spdlog/spdlog.h>

namespace cenote::app {

namespace {

std::atomic<bool> end_asked_for = false;

/// From this signal on the end comes at once.
constexpr int last_warning = 3;

/// Would end the process by default, and mean nothing here.
constexpr int notices[] = {SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGIO, SIGPWR, SIGSTKFLT};

sigset_t watched() {
  sigset_t result;
  sigemptyset(&result);
  sigaddset(&result, SIGINT);
  sigaddset(&result, SIGTERM);
  for (auto number : notices)
    sigaddset(&result, number);
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

void log_notice(int number) {
  spdlog::info("{} has no meaning here", signal_name(number));
}

} // namespace

void signal_watch::block() {
  auto signals = watched();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
}

bool signal_watch::end_is_asked_for() noexcept {
  // One that the watching thread has not read yet counts: it may be the one that waits.
  sigset_t pending;
  return end_asked_for
         || (sigpending(&pending) == 0 && (sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1));
}

signal_watch::signal_watch() : on_notice_{log_notice} {
  auto signals = watched();
  signals_ = checked(signalfd(-1, &signals, SFD_CLOEXEC));
  ended_ = checked(eventfd(0, EFD_CLOEXEC));
  try {
    thread_ = std::thread{[this] { run(); }};
  } catch (const std::system_error& err) {
    throw std::system_error{err.code(), "no thread to wait for signals (see ulimit -u and -v)"};
  }
}

signal_watch::~signal_watch() {
  uint64_t one = 1;
  [[maybe_unused]] auto n = write(ended_, &one, sizeof(one));
  thread_.join();
  close(ended_);
  close(signals_);
}

void signal_watch::take_hangup_as_notice() {
  std::lock_guard lock{guard_};
  hangup_is_notice_ = true;
}

void signal_watch::on_notice(std::function<void(int)> what) {
  std::lock_guard lock{guard_};
  on_notice_ = what ? std::move(what) : log_notice;
}

void signal_watch::run() {
  // What nobody watches here is for the threads that want it, such as the one that has the terminal.
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
  for (;;) {
    pollfd ready[] = {{signals_, POLLIN, 0}, {ended_, POLLIN, 0}};
    if (poll(ready, 2, -1) == -1)
      continue; // Interrupted.
    if (ready[1].revents != 0)
      return;
    signalfd_siginfo info;
    if (read(signals_, &info, sizeof(info)) == sizeof(info))
      answer(static_cast<int>(info.ssi_signo));
  }
}

void signal_watch::answer(int number) {
  bool is_first;
  {
    std::lock_guard lock{guard_};
    auto asks = number == SIGINT || number == SIGTERM || (number == SIGHUP && !hangup_is_notice_);
    if (!asks) {
      on_notice_(number); // Under the lock: what it refers to must not go meanwhile.
      return;
    }
    end_asked_for = true;
    is_first = received_ == 0;
    if (to_clean_ == 0 || ++asked_ >= last_warning)
      std::_Exit(128 + (is_first ? number : received_.load()));
    // Under the lock, so that who closes a `clean_up_scope` knows of the signal, or is ended by it.
    if (is_first)
      received_ = number;
  }
  (is_first ? first_ : second_).request_stop();
}

clean_up_scope::clean_up_scope(signal_watch& signals) : signals_{signals} {
  std::lock_guard lock{signals_.guard_};
  ++signals_.to_clean_;
}

clean_up_scope::~clean_up_scope() {
  std::lock_guard lock{signals_.guard_};
  --signals_.to_clean_;
}

std::string signal_name(int number) {
  auto name = sigabbrev_np(number);
  return name != nullptr ? std::string{"SIG"} + name : "signal " + std::to_string(number);
}

} // namespace cenote::app
