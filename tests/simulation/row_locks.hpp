#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <unordered_map>
#include <vector>

namespace cenote::simulation {

/// Identifies a session of the server.
enum class server_session_id : uint32_t {};

/// A row of a table, which a session can lock.
struct row_key {
  uint8_t table;
  uint32_t row;
  bool operator==(const row_key&) const = default;
};

struct row_key_hash {
  size_t operator()(const row_key& x) const noexcept { return x.row * 8u + x.table; }
};

/// The locked rows and the sessions that wait for them, first come first served.
class row_locks {
public:
  enum class answer : uint8_t { granted, waiting, deadlock };

  /// A session waits for at most one lock.
  answer acquire(server_session_id session, row_key key);

  /// Releases all locks of a session and ends its wait.
  /// @returns the sessions that have got their lock thereby.
  std::vector<server_session_id> release(server_session_id session);

  /// Ends the wait of a session.
  void forget_wait(server_session_id session);

  /// Whether no session has a lock or waits for one.
  bool empty() const noexcept { return locks_.empty() && waits_.empty(); }
  size_t size() const noexcept { return locks_.size(); }

  /// A session that has a lock; zero if there is none.
  server_session_id any_owner() const { return locks_.empty() ? server_session_id{} : locks_.begin()->second.owner; }

private:
  struct lock {
    server_session_id owner;
    std::deque<server_session_id> waiting;
  };

  /// Whether `owner` waits for a lock that, directly or through others, `session` holds.
  bool waits_for(server_session_id owner, server_session_id session) const;

  std::unordered_map<row_key, lock, row_key_hash> locks_;
  std::unordered_map<server_session_id, std::vector<row_key>> owned_;
  std::unordered_map<server_session_id, row_key> waits_;
};

} // namespace cenote::simulation
