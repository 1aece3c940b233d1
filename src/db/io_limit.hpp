#pragma once

#include <chrono>
#include <cstddef>
#include <mutex>
#include <string>

namespace cenote::db {

/// One time limit for everything that a thread does with a server. Connector/C's own limits are per address, read and
/// write; it calls `wait_for_socket` instead, which keeps this one.
class io_limit {
public:
  using clock = std::chrono::steady_clock;

  explicit io_limit(std::chrono::nanoseconds limit);
  io_limit(const io_limit&) = delete;
  io_limit& operator=(const io_limit&) = delete;
  ~io_limit();

  /// The limit of the calling thread, or null.
  static io_limit* current() noexcept;

  /// Makes a limit that of the calling thread for its own lifetime.
  class scope {
  public:
    explicit scope(io_limit& limit) noexcept;
    scope(const scope&) = delete;
    scope& operator=(const scope&) = delete;
    ~scope();
  };

  clock::time_point deadline() const noexcept { return deadline_; }
  std::chrono::nanoseconds limit() const noexcept { return limit_; }

  /// Whether the time has passed, or `cut` was called.
  bool over() const noexcept;

  /// How long each read and each write may wait at most; zero: the deadline alone.
  void limit_each(std::chrono::nanoseconds read, std::chrono::nanoseconds write) noexcept;

  /// How many network addresses may have to be tried: each gets its share of the time.
  void expect_addresses(size_t n) noexcept { addresses_left_ = n; }

  /// Waits until the socket is ready.
  /// @returns as poll(2) does, with `errno` set to ETIMEDOUT when the time has passed.
  int wait(int socket, bool for_input) noexcept;

  /// Ends all waits, now and later. From any thread.
  void cut() noexcept;

private:
  void adopt(int socket) noexcept;

  std::chrono::nanoseconds limit_;
  clock::time_point deadline_;
  std::chrono::nanoseconds read_limit_{0};
  std::chrono::nanoseconds write_limit_{0};
  size_t addresses_left_ = 1;
  bool connected_ = false;

  mutable std::mutex mutex_; ///< Guards what follows.
  int socket_ = -1;          ///< A duplicate, so that Connector/C may close its own meanwhile.
  bool is_cut_ = false;
};

/// For `MARIADB_OPT_IO_WAIT`. Does not wait on a thread without a time limit: a connection has no reason to wait
/// between operations, and saying goodbye must not block.
int wait_for_socket(int socket, char for_input, int timeout) noexcept;

/// A time span as text: `1.5 s`.
std::string seconds(std::chrono::nanoseconds span);

} // namespace cenote::db
