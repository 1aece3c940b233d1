#pragma once

#include "cenote/settings.hpp"
#include "pool/commands.hpp"
#include "pool/connect_price.hpp"
#include "pool/server_list.hpp"
#include "pool/sharing.hpp"
#include "pool/slot_table.hpp"

#include <cstddef>
#include <random>
#include <string>
#include <vector>

namespace cenote::pool {

/// How many connections and callers there are at the moment.
struct head_count {
  size_t total = 0;      ///< Connections of any kind, those being opened or closed included.
  size_t opening = 0;    ///< Being opened.
  size_t about_free = 0; ///< Being pinged: free in a moment.
  size_t waiting = 0;    ///< Callers that wait, in the queue or behind others on a connection, for a connect to pay.
};

/// How many further connects to start now: as many as are kept open in any case; beyond that only as many as callers
/// wait that nothing else will serve; never more than `max_connecting` at a time.
/// @param kept how many are to be there in any case.
/// @param limit the most connections there may be.
size_t connects_wanted(const pool_settings& rules, const head_count& now, size_t kept, size_t limit);

/// How long a connection is used before it is replaced: `recycle`, less up to 10 %. `duration::max()` if it is never.
/// @param random from 0 to below 1.
duration lifetime(const pool_settings& rules, double random);

/// What connections are opened for, beside those that are kept open in any case.
struct demand {
  size_t waiting = 0;                    ///< Requests in the queue that a connection would serve.
  time_point oldest = time_point::max(); ///< When the first of them was accepted; `time_point::max()` if none waits.
  bool congested = false;                ///< Requests wait behind others for longer than a connect takes.
  bool has_ended = false;                ///< None is needed any more, whatever else is said.
};

/// Decides how many connections a pool has: when some are opened, and which are kept, pinged, replaced and closed. Owns
/// the limits and paces for that.
class sizing {
public:
  /// @param rules must be in range.
  /// @param seed for the jitter of delays.
  sizing(const pool_settings& rules, slot_table& slots, sharing& shared, server_list& servers, uint64_t seed);

  /// Other rules hold from now on. Connections beyond what they permit are closed, those in use when they come back.
  void apply(const pool_settings& rules, commands& out, time_point now);

  /// All connections that are there now are to be replaced, one after the other: the next one goes when the new one for
  /// that before is open, so that never more than one is missing.
  void renew_all(time_point now);

  /// Retires the next one of those, if it is time.
  void renew_next(commands& out, time_point now);

  // -- growing -------------------------------------------------------------------

  /// Begins connects, not all at once and not faster than servers bear.
  void open_missing(const demand& wanted, commands& out, time_point now);

  /// When to begin the next connect; `time_point::max()` if none is needed.
  time_point next_connect(const demand& wanted) const;

  /// A connect has succeeded; the connection is to be given to a request or to be parked, and then `has_grown`.
  void opened(slot& x, time_point now);

  /// That is done: the limit, and what is needed, may have changed.
  void has_grown(time_point now);

  /// A connect has failed. `x` is no more afterwards.
  /// @param why `server_full` makes the pool smaller for a while if it has connections.
  void open_failed(slot& x, const failure& why, time_point now);

  /// A connection that was current has been lost in use, or to a server that is read-only now: all of its generation go
  /// with it, and new ones are opened one by one.
  void lost_generation(const slot& x, disposition why, const std::string& reason, commands& out, time_point now);

  /// A server that was full may have room again.
  void end_limit(time_point now);

  // -- shrinking -----------------------------------------------------------------

  /// Keeps a connection that is free and that nobody waits for, or closes it.
  void park(slot& x, commands& out);

  /// Closes idle connections that are too old or not needed, and pings those that were not used for long, if it is
  /// time.
  void maintain_idle(commands& out, time_point now);

  /// All connections are to be replaced: those in use when they come back, the others now.
  void retire_generation(commands& out);

  void close(slot& x, close_reason why, commands& out);

  // -- numbers -------------------------------------------------------------------

  /// The most connections there may be now: from 1 to `size + max_overflow`.
  size_t limit() const noexcept { return limit_; }

  /// What a connect usually takes; zero while nobody knows.
  duration connect_time() const { return price_.usual(); }

  /// When `end_limit`, `maintain_idle` or `renew_next` has to be called, whichever is first.
  time_point next_event() const { return std::min({maintain_at_, limit_until_, renew_at_}); }

  /// Asserts what must hold between two events.
  void check_invariants(time_point now) const;

private:
  size_t max_connections() const { return rules_.size + rules_.max_overflow; }
  size_t connects_due(const demand& wanted, time_point now) const;
  time_point growth_at(const demand& wanted) const;
  time_point close_at(const slot& x) const;
  time_point next_maintenance(const slot& x) const;
  void retire(slot& x, commands& out);
  double random() { return std::uniform_real_distribution<>{0.0, 1.0}(rng_); }

  pool_settings rules_;
  slot_table& slots_;
  sharing& sharing_;
  server_list& servers_;
  std::minstd_rand rng_;
  connect_price price_;
  bool rebuilding_ = false; ///< After a loss: connects start one by one, with small gaps at random.
  time_point pace_until_ = time_point::min();
  size_t limit_; ///< Fewer than the rules say while the server is full.
  time_point limit_until_ = time_point::max();
  time_point maintain_at_ = time_point::max();
  std::vector<connection_id> to_renew_;
  time_point renew_at_ = time_point::max();
};

} // namespace cenote::pool
