#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <unordered_map>
#include <vector>

namespace cenote::simulation {

/// Names a session of the server.
enum class server_session_id : uint32_t {};

/// What a session locks for itself: a row of a table.
struct row_key {
  uint8_t table;
  uint32_t row;
  bool operator==(const row_key&) const = default;
};

struct row_key_hash {
  size_t operator()(const row_key& x) const noexcept { return x.row * 8u + x.table; }
};

/// Who has locked which rows, and who waits for them, first come first served.
class row_locks {
public:
  enum class answer : uint8_t { granted, waiting, deadlock };

  /// A session waits for at most one lock.
  answer acquire(server_session_id who, row_key what);

  /// Releases all that it has, and waits no longer.
  /// @returns those who have got theirs by that.
  std::vector<server_session_id> release(server_session_id who);

  /// Waits no longer.
  void forget_wait(server_session_id who);

  /// Whether nobody has a lock, and nobody waits.
  bool empty() const noexcept { return locks_.empty() && waits_.empty(); }
  size_t size() const noexcept { return locks_.size(); }

  /// One who has a lock; zero if there is none.
  server_session_id any_owner() const { return locks_.empty() ? server_session_id{} : locks_.begin()->second.owner; }

private:
  struct lock {
    server_session_id owner;
    std::deque<server_session_id> waiting;
  };

  /// Whether `owner` waits for something that, in the end, `who` has.
  bool waits_for(server_session_id owner, server_session_id who) const;

  std::unordered_map<row_key, lock, row_key_hash> locks_;
  std::unordered_map<server_session_id, std::vector<row_key>> owned_;
  std::unordered_map<server_session_id, row_key> waits_;
};

} // namespace cenote::simulation
