#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include <sys/socket.h>
#include <sys/un.h>

namespace cenote::app {

/// Tells the service manager (systemd's `Type=notify`) in which state the program is. Does nothing if the program was
/// not started by one that wants to know. Never waits, and never fails: what cannot be sent is logged, once.
///
/// For one thread at a time.
class service_notifier {
public:
  /// Takes `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID` out of the environment, so that no child process speaks
  /// for this one. Call it before the first thread starts.
  static service_notifier from_environment();

  /// @param socket an absolute path, or `@` and an abstract name; empty: nobody wants to know.
  /// @param watchdog see `watchdog`.
  service_notifier(const std::string& socket, std::chrono::microseconds watchdog);
  service_notifier(const service_notifier&) = delete;
  ~service_notifier();

  /// After so long without `alive` the service manager ends the program; zero: it does not watch.
  std::chrono::microseconds watchdog() const noexcept { return watchdog_; }

  /// The program serves: for the first time, or again after `reloading`.
  void ready();

  /// It reads its settings again.
  void reloading();

  /// It has begun to end, which takes no longer than `limit`.
  void stopping(std::chrono::microseconds limit);

  /// It works.
  void alive();

  /// A line for people, which `systemctl status` shows.
  void status(std::string_view text);

private:
  void change_state(std::string text);
  void send(std::string_view text);
  void warn(const std::string& reason);

  std::string socket_;
  std::chrono::microseconds watchdog_;
  sockaddr_un address_{};
  socklen_t address_size_ = 0; ///< Zero: nobody wants to know.
  int fd_ = -1;
  std::string unsent_; ///< The last change of state, if the service manager has not had room for it yet.
  bool warned_ = false;
};

/// When to look again whether the program works.
/// @param watchdog see `service_notifier::watchdog`, not zero.
/// @param works whether it did just now; if not, there is still some time for it to recover.
std::chrono::microseconds next_watchdog_check(std::chrono::microseconds watchdog, bool works);

} // namespace cenote::app
