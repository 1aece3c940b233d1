#pragma once

#include <atomic>
#include <stop_token>
#include <thread>

namespace cenote::app {

/// Turns SIGINT, SIGTERM and SIGHUP into stop requests, on a thread of its own. No code runs inside a signal handler.
class signal_watch {
public:
  /// Blocks the signals for this thread and all that it starts. Call it before the first thread starts.
  static void block();

  /// Starts watching.
  signal_watch();
  signal_watch(const signal_watch&) = delete;
  ~signal_watch();

  /// @name Stop requests
  /// Made when the first and the second signal arrive. `std::stop_callback`s run on the watching thread.
  /// @{
  std::stop_token first() const { return first_.get_token(); }
  std::stop_token second() const { return second_.get_token(); }
  /// @}

  /// The number of the first signal, zero before.
  int received() const noexcept { return received_; }

private:
  void run();

  std::stop_source first_;
  std::stop_source second_;
  std::atomic<int> received_ = 0;
  int signals_; ///< Readable when a signal has arrived.
  int ended_;   ///< Readable when the thread has to end.
  std::thread thread_;
};

} // namespace cenote::app
