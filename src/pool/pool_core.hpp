#pragma once

#include "cenote/settings.hpp"
#include "cenote/status.hpp"
#include "pool/commands.hpp"
#include "pool/latency_estimator.hpp"
#include "pool/load_shedder.hpp"
#include "pool/refusals.hpp"
#include "pool/replacement_pace.hpp"
#include "pool/server_list.hpp"
#include "pool/sharers.hpp"
#include "pool/sizing.hpp"
#include "pool/slot_table.hpp"
#include "pool/waiting_line.hpp"

#include <random>
#include <string>

namespace cenote::pool {

/// How many requests have left a connection.
struct ends {
  ends(size_t own_end = 0, size_t handed_back = 0) : ended{own_end}, requeued{handed_back} {
    // nop
  }

  size_t ended;    ///< By themselves, whatever came of them.
  size_t requeued; ///< They were requeued, or their caller had ended before they began.
};

/// All rules of a pool: who gets which connection, when connections are opened, checked, replaced and closed.
///
/// A pure state machine: each call tells it what happened at `now` and returns what has to be done about it. Times must
/// not decrease from call to call.
class pool_core {
public:
  /// @param rules must be in range.
  /// @param seed for the jitter of delays.
  /// @param servers how many servers there are to connect to; at least 1.
  pool_core(const pool_settings& rules, uint64_t seed, size_t servers = 1);

  // -- what callers want ---------------------------------------------------------

  /// Opens the first connections.
  commands start(time_point now);

  /// A request arrived. Its id must be larger than all before.
  commands acquire(const request& who, time_point now);

  /// Replace all connections: those in use when they come back, the others now.
  commands dispose(time_point now);

  /// Give no request a connection until `resume`; those that have one go on. Who waits does so for as long as for a
  /// connection, even if no server is there; fail-fast requests are refused. Does nothing during a drain.
  commands pause(time_point now);

  /// Ends a pause. Connects that have failed count no more: whoever has waited gets a fresh attempt.
  commands resume(time_point now);

  /// Take no new requests; serve the accepted ones until `deadline`, then fail them; then `finish`. A second call can
  /// only make it earlier. Ends a pause.
  commands drain(time_point deadline, time_point now);

  // -- what connections report ---------------------------------------------------

  commands opened(connection_id id, time_point now);

  /// @param why `login_refused` fails everybody who waits: trying again is useless until somebody changes something.
  /// `server_full` makes the pool smaller for a while if it has connections.
  commands open_failed(connection_id id, const failure& why, time_point now);

  /// So many requests or a ping have ended, or a connection was lost. One that is lost in use takes those of its
  /// generation with it: whatever ended it may have ended them, too. A suspect one is replaced, but not many of them.
  commands released(connection_id id, disposition what, ends count, const std::string& reason, time_point now);

  /// A granted request could not be sent because its connection was dead. It goes to the head of the queue. The
  /// connection counts as lost in use.
  commands returned(connection_id id, const std::string& reason, const request& who, time_point now);

  /// A granted request has not begun because another one on its connection is slow. It goes to the head of the queue
  /// and gets the next connection alone; what was sent of it still counts as on its way there.
  commands requeued(connection_id id, const request& who, time_point now);

  /// A connection is gone: after `close_connection`, or by itself.
  commands closed(connection_id id, time_point now);

  // -- time ----------------------------------------------------------------------

  /// Time has passed. Needed at `next_event`, harmless at any other time.
  commands tick(time_point now);

  /// When `tick` has to be called next; the past, down to `time_point::min()`, if at once, `time_point::max()` if
  /// never.
  time_point next_event();

  // -- what operators see --------------------------------------------------------

  /// The numbers of this moment. The endpoint is left for the caller to fill in.
  pool_status status() const;

  /// Which server a connection is to, from the attempt to open it on; zero if there is no such connection.
  size_t server_of(connection_id id) {
    auto x = slots_.find(id);
    return x == nullptr ? 0 : x->server;
  }

  /// Whether it is worth waiting for a connection.
  breaker_state breaker() const { return servers_.state(); }

  /// How long a connection has been open; zero if it is not.
  duration age_of(connection_id id, time_point now);

  /// What a drain has done so far.
  drain_report report() const { return drained_; }

private:
  enum class mode : uint8_t { running, draining, stopped };

  bool sheds_load() const;
  circumstances circumstances_of(const request& who, time_point now) const;

  /// Follow-up of every event: expire, open, close, finish.
  commands settle(commands out, time_point now);

  bool wants_ping(const slot& x, time_point now) const;
  slot* free_for(const request& who, time_point now);
  void serve_or_park(slot& x, commands& out, time_point now);
  void grant(slot& x, const request& who, commands& out, time_point now);
  void close(slot& x, close_reason why, commands& out);
  void end_of_use(slot& x, disposition what, ends count, const std::string& reason, commands& out, time_point now);
  void take_back(const request& who, commands& out, time_point now);
  time_point patience_of(const request& who) const;
  void retire_generation(commands& out);
  void serve_waiting(commands& out, time_point now);
  void expire(commands& out, time_point now);
  void shed(commands& out, time_point now);
  void watch_users(commands& out, time_point now);
  void fail_hopeless(commands& out, time_point now);
  void finish_drain(commands& out, time_point now);
  void refuse(const request& who, failure why, commands& out);
  void count_served(const request& who, int by);

  // pool_core_sizing.cpp
  time_point growth_at() const;
  void watch_crowd(const slot& x);
  size_t connects_due(time_point now) const;
  time_point next_connect();
  void open_missing(commands& out, time_point now);
  void end_limit(time_point now);
  void park(slot& x, commands& out);
  void maintain_idle(commands& out, time_point now);
  time_point close_at(const slot& x) const;
  time_point next_maintenance(const slot& x) const;

  // pool_core_sharing.cpp
  slot* sharer(time_point now);
  void share_out(commands& out, time_point now);
  void count_grant(slot& x, const request& who, time_point now);
  void some_ended(slot& x, ends count, time_point now);
  void offer(slot& x);
  void reserve(slot& x);
  void take_no_more(slot& x);
  void watch_for_slow(const slot& x);
  void requeue_waiting(commands& out, time_point now);
  size_t in_flight() const;
  double random() { return std::uniform_real_distribution<>{0.0, 1.0}(rng_); }

  pool_settings rules_;
  std::minstd_rand rng_;
  mode mode_ = mode::running;
  bool paused_ = false;
  time_point cut_at_ = time_point::max(); ///< When a drain gives up.
  drain_report drained_;

  slot_table slots_;
  sharers sharers_;
  std::vector<slot*> reserved_; ///< Connections that are being emptied for those who have stepped aside.
  latency_estimator usual_;
  connect_price price_;
  bool crowded_ = false; ///< Somebody waits on a connection behind others for longer than a connect takes.
  waiting_line queue_;

  load_shedder shedder_;

  server_list servers_;
  std::string connect_error_; ///< Of the last connect that failed since one succeeded.
  replacement_pace suspects_;
  bool rebuilding_ = false; ///< After a loss: connects start one by one, with small gaps at random.
  time_point pace_until_ = time_point::min();
  size_t limit_; ///< The most connections; fewer than the rules say while the server is full.
  time_point limit_until_ = time_point::max();

  time_point maintain_at_ = time_point::max();
  time_point watch_at_ = time_point::max(); ///< When to check the callers of those in use.
  time_point slow_at_ = time_point::max();  ///< When to look for slow statements that hold up others.

  pool_status numbers_; ///< Its counters and texts; the rest is filled in by `status`.
};

} // namespace cenote::pool
