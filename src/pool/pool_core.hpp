#pragma once

#include "cenote/settings.hpp"
#include "cenote/status.hpp"
#include "pool/admission.hpp"
#include "pool/caller_watch.hpp"
#include "pool/commands.hpp"
#include "pool/levels.hpp"
#include "pool/replacement_pace.hpp"
#include "pool/server_list.hpp"
#include "pool/service_record.hpp"
#include "pool/sharing.hpp"
#include "pool/sizing.hpp"
#include "pool/slot_table.hpp"
#include "pool/waiting_line.hpp"

#include <string>

namespace cenote::pool {

/// All rules of a pool: which request gets which connection, when connections are opened, checked, replaced and closed.
/// It keeps the queue, the connections and the flow of events, and asks its parts: `admission` about requests that wait
/// or are refused, `sharing` about connections that carry several requests, `sizing` about how many connections there
/// are.
///
/// A pure state machine: each call reports an event at `now` and returns the commands that follow from it. Times must
/// not decrease from call to call.
class pool_core {
public:
  /// @param rules must be in range.
  /// @param seed for the jitter of delays.
  /// @param servers how many servers there are to connect to; at least 1.
  pool_core(const pool_settings& rules, uint64_t seed, size_t servers = 1);

  // Its parts know each other.
  pool_core(const pool_core&) = delete;
  pool_core& operator=(const pool_core&) = delete;

  // -- requests of callers -------------------------------------------------------

  /// Opens the first connections.
  commands start(time_point now);

  /// A request arrived. Its id must be larger than all before.
  commands acquire(const request& request, time_point now);

  /// Replace all connections: those in use when they are released, the others now.
  commands dispose(time_point now);

  /// Give no request a connection until `resume`; those that have one continue. Other requests wait as long as they
  /// would for a connection, even if no server can be reached; fail-fast requests are refused. Does nothing during a
  /// drain.
  commands pause(time_point now);

  /// Ends a pause. Failed connects no longer count: the requests that have waited get a fresh attempt.
  commands resume(time_point now);

  /// Applies new rules. They must be in range, with the same name, `pipeline_depth` and budget, which cannot change.
  /// They also determine how long the requests that wait already may wait. Failed connects no longer count.
  /// @param renew whether connects are made in another way from now on, so that the connections that are open have to
  /// be replaced, one after the other.
  commands reconfigure(const pool_settings& rules, bool renew, time_point now);

  /// This pool's share of a budget that several pools have together: at least 1; 1 until the first call, if the rules
  /// have a budget. Above it nothing is opened; if it falls, connections beyond it are closed, those in use when they
  /// are released.
  commands set_budget(size_t connections, time_point now);

  /// Take no new requests; serve the accepted ones until `deadline`, then fail them; then `finish`. A second call can
  /// only make it earlier. Ends a pause.
  commands drain(time_point deadline, time_point now);

  // -- reports of connections ----------------------------------------------------

  commands opened(connection_id id, time_point now);

  /// @param error `login_refused` fails all requests that wait: another attempt is useless until the settings change.
  /// `server_full` makes the pool smaller for a while if it has connections.
  commands open_failed(connection_id id, const failure& error, time_point now);

  /// So many requests or a ping have ended, or a connection was lost. If one is lost in use, all of its generation are
  /// replaced: they may have been lost for the same reason. A suspect one is replaced, but not many of them.
  commands released(connection_id id, disposition kind, ends count, const std::string& reason, time_point now);

  /// A granted request could not be sent because its connection was dead. It goes to the head of the queue. The
  /// connection counts as lost in use.
  commands returned(connection_id id, const std::string& reason, const request& request, time_point now);

  /// A granted request has not begun because another one on its connection is slow. It goes to the head of the queue
  /// and gets the next connection exclusively; the part of it that was sent still counts as in flight there.
  commands requeued(connection_id id, const request& request, time_point now);

  /// A connection is gone: after `close_connection`, or by itself.
  commands closed(connection_id id, time_point now);

  // -- time ----------------------------------------------------------------------

  /// Time has passed. Needed at `next_event`, harmless at any other time.
  commands tick(time_point now);

  /// When `tick` has to be called next; the past, down to `time_point::min()`, if at once, `time_point::max()` if
  /// never.
  time_point next_event();

  // -- memory --------------------------------------------------------------------

  /// Gives back commands that have been carried out: their memory is used again.
  void recycle(commands done);

  // -- for operators -------------------------------------------------------------

  /// The current numbers. The endpoint is left for the caller to fill in.
  pool_status status() const;

  /// Those of them that change with the pool's work, without its texts.
  pool::levels levels() const;

  /// The server of a connection, from the attempt to open it on; zero if there is no such connection.
  size_t server_of(connection_id id) {
    auto connection = slots_.find(id);
    return connection == nullptr ? 0 : connection->server;
  }

  /// Whether it is worth waiting for a connection.
  breaker_state breaker() const { return servers_.state(); }

  /// The same for one of the servers.
  breaker_state breaker(size_t server) const { return servers_.state(server); }

  size_t servers() const noexcept { return servers_.size(); }

  /// What is known of each connection.
  const slot_table& slots() const noexcept { return slots_; }

  /// How long a connection has been open; zero if it is not.
  duration age_of(connection_id id, time_point now);

  /// The progress of a drain.
  drain_report report() const { return drained_; }

private:
  void begin_event(time_point now);
  void check_id(request_id id);
  commands settle(commands out, time_point now);
  commands end_event(commands out) const;
  void check_invariants() const;

  slot* free_for(const request& request, time_point now);
  void grant(slot& connection, const request& request, commands& out, time_point now);
  liveness_check check_before_use(const slot& connection, time_point now) const;
  void take_back(const request& request, commands& out, time_point now);
  void serve_waiting(commands& out, time_point now);
  void share_out(commands& out, time_point now);
  demand demand_now() const;
  void finish_drain(commands& out, time_point now);

  void end_of_use(slot& connection, disposition kind, ends count, const std::string& reason, commands& out,
                  time_point now);
  void end_in_order(slot& connection, disposition kind, ends count, commands& out, time_point now);
  void end_unusable(slot& connection, disposition kind, ends count, const std::string& reason, commands& out,
                    time_point now);
  void serve_or_park(slot& connection, commands& out, time_point now);

  pool_settings rules_;
  waiting_line queue_;
  slot_table slots_;
  server_list servers_;
  service_record record_;

  // They refer to those above.
  admission admission_;
  sharing sharing_;
  sizing sizing_;

  caller_watch callers_;
  replacement_pace suspects_;
  time_point cut_at_ = time_point::max(); ///< When a drain gives up.
  drain_report drained_;

  commands spare_; ///< Empty, but with memory.

  // Only to check that callers follow the rules above.
  time_point now_ = time_point::min(); ///< Of the last event.
  request_id last_request_{};
};

} // namespace cenote::pool
