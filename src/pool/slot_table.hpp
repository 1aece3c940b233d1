#pragma once

#include "pool/request.hpp"
#include "types/connection_id.hpp"

#include <array>
#include <cstddef>
#include <unordered_map>
#include <vector>

namespace cenote::pool {

enum class slot_state : uint8_t { opening, idle, pinging, busy, closing };

/// Where `sharers` has put a connection.
struct sharers_place {
  size_t load = 0; ///< Zero: it is not listed.
  size_t index = 0;
};

/// What the pool knows about one connection. Only `slot_table` changes the first five members.
struct slot {
  connection_id id{};
  slot_state state = slot_state::opening;
  uint64_t generation = 0;
  bool outdated = false; ///< To be replaced, though its generation is current.
  size_t server = 0;
  time_point busy_since;   ///< While it is opened or in use: when its present work began.
  time_point opened_at;    ///< When the connect was done.
  time_point used_at;      ///< When it last served a request.
  time_point replace_at;   ///< When it is too old.
  time_point confirmed_at; ///< When the server last answered.
  bool suspect = false;    ///< Another connection has been lost since.

  // While it is in use; `sharing` alone changes these, and `busy_since` then.
  size_t in_flight = 0;      ///< Requests that it was given and that have not ended.
  size_t requeued_here = 0;  ///< Of these, those that have been requeued, but have not ended here.
  bool shared = false;       ///< Other requests may use it beside them.
  bool reserved = false;     ///< It is being emptied for a request that wants it exclusively.
  bool requeue_sent = false; ///< It was asked to requeue the requests behind its slow statement.
  sharers_place listed_at;
};

/// The connections of a pool, counted by state. All operations take constant time; slots stay where they are.
class slot_table {
public:
  using map = std::unordered_map<connection_id, slot>;

  /// A connection is about to be opened. Ids are never used again.
  slot& add(size_t server, time_point now);

  slot* find(connection_id id);

  /// The connection is gone. `connection` is no longer valid afterwards.
  void erase(slot& connection);

  /// The idle connection that was used last is the next to be used, so that those that are not needed stay at the front
  /// of the idle ones; one that was only pinged goes there.
  void move(slot& connection, slot_state to);

  /// From now on, all present connections are outdated.
  void next_generation();

  /// Makes this connection outdated, whatever its state; not the others.
  void outdate(slot& connection);

  uint64_t generation() const noexcept { return generation_; }
  bool is_current(const slot& connection) const noexcept {
    return !connection.outdated && connection.generation == generation_;
  }

  size_t count(slot_state state) const { return tally_[static_cast<size_t>(state)]; }
  size_t total() const { return slots_.size(); }

  /// Those that are idle, pinged or in use.
  size_t open() const { return count(slot_state::idle) + count(slot_state::pinging) + count(slot_state::busy); }

  /// The open ones that will serve another caller after the present one.
  size_t serving() const { return open() - outdated_; }

  const std::vector<slot*>& idle() const noexcept { return idle_; }

  map::iterator begin() { return slots_.begin(); }
  map::iterator end() { return slots_.end(); }
  map::const_iterator begin() const { return slots_.begin(); }
  map::const_iterator end() const { return slots_.end(); }

  /// Asserts that the counts are those of the slots.
  void check_invariants() const;

private:
  void leave(slot& connection);

  map slots_;
  std::vector<slot*> idle_;       ///< Used from the back.
  std::array<size_t, 5> tally_{}; ///< Slots by state.
  size_t outdated_ = 0;           ///< Open ones of earlier generations.
  uint64_t last_id_ = 0;
  uint64_t generation_ = 0;
};

} // namespace cenote::pool
