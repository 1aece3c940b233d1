#pragma once

#include "cenote/settings.hpp"
#include "pool/commands.hpp"
#include "pool/connect_price.hpp"
#include "pool/server_list.hpp"
#include "pool/sharing.hpp"
#include "pool/slot_table.hpp"

#include <algorithm>
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

/// How many further connects to start now: as many as are kept open in any case; beyond that only as many as there are
/// callers waiting that no other connection will serve; never more than `max_connecting` at a time.
/// @param kept how many are kept open in any case.
/// @param limit the most connections there may be.
size_t connects_wanted(const pool_settings& rules, const head_count& now, size_t kept, size_t limit);

/// How long a connection is used before it is replaced: `recycle` minus up to 10 %; `duration::max()` if it never is.
/// @param random from 0 to below 1.
duration lifetime(const pool_settings& rules, double random);

/// The reasons to open connections beyond those that are kept open in any case.
struct demand {
  size_t waiting = 0;                    ///< Requests in the queue that a connection would serve.
  time_point oldest = time_point::max(); ///< When the first of them was accepted; `time_point::max()` if none waits.
  bool congested = false;                ///< Requests wait behind others for longer than a connect takes.
  bool has_ended = false;                ///< No connection is needed any more, whatever the other members say.
};

/// Decides how many connections a pool has: when some are opened, and which are kept, pinged, replaced and closed. Owns
/// the limits and paces for that.
class sizing {
public:
  /// @param rules must be in range.
  /// @param seed for the jitter of delays.
  sizing(const pool_settings& rules, slot_table& slots, sharing& shared, server_list& servers, uint64_t seed);

  /// Applies new rules. Connections beyond what they permit are closed, those in use when they are released.
  void apply(const pool_settings& rules, commands& out, time_point now);

  /// Permits this many connections at most, whatever the rules permit beyond that; at least 1. Those that there are too
  /// many are closed, those in use when they are released.
  void set_budget(size_t connections, commands& out, time_point now);

  /// Has all present connections replaced, one after the other: the next one is closed when the replacement of the one
  /// before is open, so that never more than one is missing.
  void renew_all(time_point now);

  /// Retires the next one of those, if it is time.
  void renew_next(commands& out, time_point now);

  // -- growing -------------------------------------------------------------------

  /// Begins connects, not all at once and not faster than servers can take them.
  void open_missing(const demand& wanted, commands& out, time_point now);

  /// When to begin the next connect; `time_point::max()` if none is needed.
  time_point next_connect(const demand& wanted) const;

  /// A connect has succeeded; the connection is to be given to a request or to be parked, and then `has_grown`.
  void opened(slot& connection, time_point now);

  /// This has been done: the limit, and the number of connections needed, may have changed.
  void has_grown(time_point now);

  /// A connect has failed. `connection` is no longer valid afterwards.
  /// @param error `server_full` makes the pool smaller for a while if it has connections.
  void open_failed(slot& connection, const failure& error, time_point now);

  /// A connection that was current has been lost in use, or because its server is read-only now: all of its generation
  /// are replaced, and new ones are opened one by one.
  void lost_generation(const slot& connection, disposition kind, const std::string& reason, commands& out,
                       time_point now);

  /// A server that was full may have room again.
  void end_limit(time_point now);

  // -- shrinking -----------------------------------------------------------------

  /// Keeps a connection that is free and that no request waits for, or closes it.
  void park(slot& connection, commands& out);

  /// Closes idle connections that are too old or not needed, and pings those that have not been used for a long time,
  /// if it is time.
  void maintain_idle(commands& out, time_point now);

  /// Has all connections replaced: those in use when they are released, the others now.
  void retire_generation(commands& out);

  void close(slot& connection, close_reason reason, commands& out);

  // -- numbers -------------------------------------------------------------------

  /// The most connections there may be now: from 1 to `size + max_overflow`, or to the share of a budget.
  size_t limit() const noexcept { return limit_; }

  /// What is taken of a budget: the connections that it permits, and the one from which the pool stops statements; 0 if
  /// there is no budget.
  size_t share() const noexcept { return rules_.budget.connections > 0 ? budget_ + 1 : 0; }

  /// How long a connect usually takes; zero while it is unknown.
  duration connect_time() const { return price_.usual(); }

  /// When `end_limit`, `maintain_idle` or `renew_next` has to be called, whichever is first.
  time_point next_event() const { return std::min({maintain_at_, limit_until_, renew_at_}); }

  /// Asserts what must hold between two events.
  void check_invariants(time_point now) const;

private:
  size_t max_connections() const { return std::min(rules_.size + rules_.max_overflow, budget_); }
  size_t kept() const { return std::min(rules_.kept(), budget_); }
  void fit(commands& out, time_point now);
  size_t connects_due(const demand& wanted, time_point now) const;
  time_point growth_at(const demand& wanted) const;
  time_point close_at(const slot& connection) const;
  time_point next_maintenance(const slot& connection) const;
  void retire(slot& connection, commands& out);
  double random() { return std::uniform_real_distribution<>{0.0, 1.0}(rng_); }

  pool_settings rules_;
  slot_table& slots_;
  sharing& sharing_;
  server_list& servers_;
  std::minstd_rand rng_;
  connect_price price_;
  bool rebuilding_ = false; ///< After a loss: connects start one by one, with small random gaps.
  time_point pace_until_ = time_point::min();
  size_t budget_; ///< This pool's share of the connections that several pools may have together.
  size_t limit_;  ///< Below what the rules permit while the server is full.
  time_point limit_until_ = time_point::max();
  time_point maintain_at_ = time_point::max();
  std::vector<connection_id> to_renew_;
  time_point renew_at_ = time_point::max();
};

} // namespace cenote::pool
