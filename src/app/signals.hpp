#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

namespace cenote::app {

/// Answers signals on a thread of its own. No code runs inside a signal handler, and no signal whose default is to end
/// the process does so without a word.
///
/// SIGINT and SIGTERM ask for the end, and so does SIGHUP, unless it is ignored (`nohup`) or only a notice. While there
/// is nothing to clean up the end comes at once, with exit code 128 + number: the main thread may be in the middle of
/// reading a pipe or of writing to one that nobody reads. Within a `clean_up_scope` they become stop requests; a third
/// one ends the process at once all the same.
///
/// SIGUSR1, SIGUSR2 and others that ask for nothing are notices.
class signal_watch {
public:
  /// Blocks the signals for this thread and all that it starts, and lets writing beyond a limit or to a pipe without a
  /// reader be an error instead of a signal. Call it before the first thread starts.
  static void block();

  /// Starts watching.
  signal_watch();
  signal_watch(const signal_watch&) = delete;
  ~signal_watch();

  /// Whether a signal has asked some `signal_watch` of this process for the end. Then nobody should wait any longer for
  /// a reader of standard error.
  static bool end_is_asked_for() noexcept;

  /// From now on SIGHUP is a notice, as for a service that is not started from a terminal.
  void take_hangup_as_notice();

  /// Calls `what` with the number of each notice, on the watching thread; null: the notices are logged.
  void on_notice(std::function<void(int)> what);

  /// @name Stop requests
  /// Made when the first and the second signal arrive. `std::stop_callback`s run on the watching thread.
  /// @{
  std::stop_token first() const { return first_.get_token(); }
  std::stop_token second() const { return second_.get_token(); }
  /// @}

  /// The number of the first signal, zero before.
  int received() const noexcept { return received_; }

private:
  friend class clean_up_scope;

  void run();
  void answer(int number);

  std::stop_source first_;
  std::stop_source second_;
  std::atomic<int> received_ = 0;
  int signals_; ///< Readable when a signal has arrived.
  int ended_;   ///< Readable when the thread has to end.
  std::mutex guard_;
  int to_clean_ = 0; ///< Open `clean_up_scope`s.
  int asked_ = 0;    ///< Signals that asked for the end.
  bool hangup_is_notice_ = false;
  std::function<void(int)> on_notice_;
  std::thread thread_;
};

/// While it lives there is something to clean up: a server, a pool.
class clean_up_scope {
public:
  explicit clean_up_scope(signal_watch& signals);
  clean_up_scope(const clean_up_scope&) = delete;
  ~clean_up_scope();

private:
  signal_watch& signals_;
};

/// `SIGTERM`.
std::string signal_name(int number);

} // namespace cenote::app
