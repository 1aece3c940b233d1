#pragma once

#include "pool/commands.hpp"
#include "pool/latency_estimator.hpp"
#include "pool/sharers.hpp"
#include "pool/slot_table.hpp"
#include "pool/waiting_line.hpp"

#include <vector>

namespace cenote::pool {

/// How many requests have left a connection.
struct ends {
  ends(size_t own_end = 0, size_t handed_back = 0) : ended{own_end}, requeued{handed_back} {
    // nop
  }

  size_t ended;    ///< By themselves, with whatever result.
  size_t requeued; ///< They were requeued, or their caller had ended before they began.
};

/// Decides which connections several requests use at a time: which requests are put behind others, for which a
/// connection is reserved, and which are requeued from behind a slow statement. Owns the part of `slot` about a
/// connection in use.
class sharing {
public:
  /// @param depth the most requests on one connection at a time, at least 1.
  explicit sharing(size_t depth);

  // -- requests arrive and leave ---------------------------------------------------

  /// A connection has become busy with its first request.
  void begin(slot& connection, const request& first, time_point now);

  /// A connection that `place_beside` or `place_for_next` has returned is given one more request.
  /// @param connect_time how long a connect usually takes; zero while it is unknown.
  void join(slot& connection, duration connect_time);

  /// So many requests on a connection have been answered; to be called before `ended`.
  void measure(const slot& connection, size_t count, time_point now);

  /// So many of the requests on a connection have ended there.
  /// @param is_current whether it will serve others after them.
  void ended(slot& connection, ends count, bool is_current, time_point now);

  /// A request on a connection has been requeued; it still counts as in flight there.
  void requeued(slot& connection);

  /// Gives a connection no more requests beside those that it has.
  void retire(slot& connection);

  /// A connection is no longer in use, whatever requests it had.
  void forget(slot& connection);

  // -- the choice of a connection ---------------------------------------------------

  /// The connection in use that serves one more shareable request best; null if there is none.
  slot* place_beside(time_point now);

  /// The connection on which the next request in the queue is put beside others; null if it has to wait. A request that
  /// wants a connection exclusively steps aside, and a connection is reserved for it.
  slot* place_for_next(waiting_line& queue, time_point now);

  /// Whether requests wait on a connection behind others for longer than a connect takes.
  bool is_congested() const noexcept { return congested_; }

  /// A further connection is free, or was opened.
  void relieve() noexcept { congested_ = false; }

  // -- slow statements -------------------------------------------------------------

  /// When to look for slow statements that hold up others.
  time_point next_event() const noexcept { return slow_at_; }

  /// Has them looked for as soon as possible.
  void search_at(time_point now) noexcept { slow_at_ = now; }

  /// Whether it is time to look for them.
  bool begin_search(time_point now);

  /// Requeues the requests that wait behind a slow statement, or for the end of one, so that they may run elsewhere.
  void requeue_waiting(slot_table& slots, commands& out, time_point now);

  // -- numbers ---------------------------------------------------------------------

  /// The number of requests in flight.
  size_t in_flight() const noexcept { return in_flight_; }

  /// Of these, the number of those that have been requeued, but have not ended there.
  size_t requeued_here() const noexcept { return requeued_here_; }

  /// Asserts what must hold between two events.
  /// @param searches whether slow statements are looked for now.
  void check_invariants(const slot_table& slots, bool searches) const;

private:
  void offer(slot& connection);
  void reserve(slot& connection);
  void release_reservations(size_t needed);
  void watch_for_slow(const slot& connection);
  void set_counts(slot& connection, size_t in_flight, size_t requeued_here);
  void check_slot(const slot& connection, bool is_current) const;

  size_t depth_;
  sharers sharers_;
  std::vector<slot*> reserved_; ///< Connections that are being emptied for requests that have stepped aside.
  latency_estimator latency_;
  bool congested_ = false;
  time_point slow_at_ = time_point::max();
  size_t in_flight_ = 0;     ///< On all connections.
  size_t requeued_here_ = 0; ///< Likewise.
};

} // namespace cenote::pool
