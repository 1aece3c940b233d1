#pragma once

#include "cenote/settings.hpp"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace cenote::test {

/// The ways in which a hostile server damages one of its replies; the seed decides.
enum class damage : uint8_t {
  none,
  flip_bits,        ///< In what a packet holds.
  truncate,         ///< A packet is shorter, and says so.
  lie_about_length, ///< A packet says that it is longer or shorter than it is.
  wrong_number,     ///< A packet has another sequence number.
  drop,             ///< A packet is missing: a row, a column, an end.
  duplicate,        ///< A packet comes twice.
  swap,             ///< Two packets have changed places.
  null_cells,       ///< A row holds NULL in place of some cells.
  other_lengths,    ///< A cell says that it is longer than its packet.
  random_packet,    ///< A packet of random bytes in place of another.
  error_packet,     ///< An error with a random number in place of a packet.
  more_results,     ///< It says that another result follows.
  other_types,      ///< Columns have other types and character sets.
  other_column_count,
  hang_up, ///< The reply ends somewhere.
};

constexpr int damages = 16;

/// A server that speaks enough of the protocol for a login, the set-up of a session, the queries of the pool itself, a
/// transaction in one round trip, a reset and a KILL, and damages one reply of each session at random. After that reply
/// it says nothing more, and hangs up.
class hostile_server {
public:
  hostile_server();
  hostile_server(const hostile_server&) = delete;
  hostile_server& operator=(const hostile_server&) = delete;
  ~hostile_server();

  /// Where it is.
  server_settings settings() const;

  /// Sessions that begin from now on damage one of their first `max_replies` replies as the seed says; zero: none.
  void be_hostile(uint64_t seed, size_t max_replies);

  /// The last damage done; for reports.
  damage last_damage() const noexcept { return last_damage_; }

  /// The replies of a session up to the end of its set-up: greeting, login, two set-up queries.
  static constexpr size_t replies_of_login = 4;

private:
  struct session;

  void run();

  int listener_;
  uint16_t port_ = 0;
  std::atomic<uint64_t> seed_{0};
  std::atomic<size_t> max_replies_{0};
  std::atomic<uint32_t> last_session_{0};
  std::atomic<damage> last_damage_{damage::none};
  std::mutex mutex_; ///< Guards what follows.
  std::vector<int> open_;
  std::condition_variable changed_;
  std::thread acceptor_;
};

} // namespace cenote::test
