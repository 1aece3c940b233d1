#pragma once

#include "pool/pool_core.hpp"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace cenote::test {

/// Commands as text, in order: `open 1, open 2 at 1, close 2, ping 3, check caller of 3, grant 4 to 1 (peek), fail 5
/// (queue_full), finish`. The second one goes to the second server.
std::string to_text(const pool::commands& commands);

/// Rules for tests: no keepalive, no recycling, and spare connections are closed at once, so that nothing happens that
/// a test does not ask for.
pool_settings quiet_rules(size_t size, size_t max_overflow = 0);

/// Drives a `pool_core` by hand. Connections and requests are named by plain numbers. Every event returns the commands
/// that it led to, as text.
class core_driver {
public:
  explicit core_driver(const pool_settings& rules, uint64_t seed = 1, size_t servers = 1)
      : rules_{rules}, core_{std::make_unique<pool::pool_core>(rules, seed, servers)} {
    // nop
  }

  // -- time: a virtual clock that only tests advance -------------------------------

  pool::time_point now() const { return now_; }

  /// Lets time pass without telling the pool.
  void pass(pool::duration span) { now_ += span; }

  /// Lets time pass as the pool actor would: with a tick at each moment that the pool asks for. Leaves out that
  /// callers of connections in use are checked, which happens every second.
  std::string wait(pool::duration span);

  /// The same with nothing left out.
  std::string wait_and_watch(pool::duration span);

  std::string tick();

  /// Time until the pool's next tick.
  pool::duration next_event() { return core_->next_event() - now_; }
  bool waits_for_time() { return core_->next_event() != pool::time_point::max(); }

  // -- callers ---------------------------------------------------------------------

  std::string start() { return done(core_->start(now_)); }

  /// A caller without a deadline of its own. Requests are numbered from 1.
  std::string acquire() { return acquire(pool::time_point::max(), false); }

  /// One whose own time is up after `limit`.
  std::string acquire_within(pool::duration limit) { return acquire(pool::deadline_after(now_, limit), false); }

  /// One that does not wait for a server that is down.
  std::string acquire_fail_fast() { return acquire(pool::time_point::max(), true); }

  /// One of the pool's own upkeep.
  std::string acquire_first() { return acquire(pool::time_point::max(), true, false, true); }

  /// One that may use a connection beside others.
  std::string acquire_shared() { return acquire(pool::time_point::max(), false, true); }

  std::string dispose() { return done(core_->dispose(now_)); }
  std::string pause() { return done(core_->pause(now_)); }
  std::string resume() { return done(core_->resume(now_)); }
  std::string reconfigure(const pool_settings& rules, bool renew = false) {
    rules_ = rules;
    return done(core_->reconfigure(rules, renew, now_));
  }
  std::string set_budget(size_t connections) { return done(core_->set_budget(connections, now_)); }
  std::string drain(pool::duration limit) { return done(core_->drain(pool::later(now_, limit), now_)); }

  // -- connections -----------------------------------------------------------------

  std::string opened(uint64_t id) { return done(core_->opened(connection_id{id}, now_)); }
  std::string open_failed(uint64_t id, errc code = errc::connect_failed, const std::string& text = "no server");
  std::string released(uint64_t id, disposition state = disposition::reusable, const std::string& reason = {}) {
    return done(core_->released(connection_id{id}, state, 1, reason, now_));
  }

  /// This number of requests on a connection has ended.
  std::string ended(uint64_t id, size_t count) {
    return done(core_->released(connection_id{id}, disposition::reusable, count, {}, now_));
  }
  std::string closed(uint64_t id) { return done(core_->closed(connection_id{id}, now_)); }

  /// Connection `id` was dead: it hands its request back, under a new number.
  std::string returned(uint64_t id, const std::string& reason = "gone");

  /// A request waits behind a slow one: its connection hands it back, under a new number.
  std::string requeued(uint64_t request);

  /// This number of requests that a connection has handed back has left it, too.
  std::string requeued(uint64_t id, size_t count) {
    return done(core_->released(connection_id{id}, disposition::reusable, {0, count}, {}, now_));
  }

  /// Starts the pool and opens `count` connections.
  void warm_up(size_t count);

  /// Opens connections that replace lost ones, with the longest gap between them; returns the effects of each.
  std::vector<std::string> rebuild(uint64_t first, size_t count);

  // -- results ---------------------------------------------------------------------

  /// The answer to a request that failed.
  const failure& error_of(uint64_t request) const { return errors_.at(request); }

  /// How long a request waited, as told to its connection.
  pool::duration waited(uint64_t request) const { return waited_.at(request); }

  pool_status status() const { return core_->status(); }
  drain_report report() const { return core_->report(); }
  const pool_settings& rules() const { return rules_; }

private:
  std::string pass_with_ticks(pool::duration span);
  std::string acquire(pool::time_point deadline, bool fail_fast, bool shareable = false, bool priority = false);
  std::string done(const pool::commands& issued);

  pool_settings rules_;
  std::unique_ptr<pool::pool_core> core_; ///< A driver can be moved; a core cannot.
  pool::time_point now_{std::chrono::hours{1}};
  bool watches_ = false; ///< Whether ticks tell that callers are checked.
  uint64_t last_request_ = 0;
  std::map<uint64_t, pool::request> requests_;
  std::map<uint64_t, uint64_t> users_;  ///< Request by connection.
  std::map<uint64_t, uint64_t> places_; ///< Connection by request.
  std::map<uint64_t, failure> errors_;
  std::map<uint64_t, pool::duration> waited_;
};

} // namespace cenote::test
