#pragma once

#include "pool/pool_core.hpp"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace cenote::test {

/// A world around a `pool_core`: callers, connections and servers, all at random. It keeps books of its own and checks
/// the pool's decisions against the rules.
class core_world {
public:
  explicit core_world(uint32_t seed);

  /// Plays that many events, then drains. Returns the first broken rule, or an empty text.
  std::string run(size_t steps);

  /// Numbers of the pool's actions.
  struct tally {
    size_t grants = 0;
    size_t generations = 0;
    size_t looks = 0;
    size_t limits = 0;
    size_t connects_elsewhere = 0; ///< To another server than the first.
    size_t shared = 0;             ///< Grants of a connection beside others.
    size_t passed = 0;             ///< Grants past a request that needs a connection of its own.
    size_t requeued = 0;           ///< Requests that have moved away from behind a slow one.
    size_t retired = 0;            ///< Connections that a smaller share of the budget has no room for.
    size_t first = 0;              ///< Requests that were put before others.
    std::map<errc, size_t> failures;
  };
  const tally& done() const { return done_; }

private:
  using time_point = pool::time_point;

  enum class doing : uint8_t { opening, idle, pinging, busy, closing };

  struct connection {
    doing state = doing::opening;
    size_t server = 0;
    uint64_t generation = 0;
    std::deque<pool::request> users; ///< While busy, in the order in which they are served.
    time_point free_at;              ///< When it was last known to work.
    time_point watched_at;           ///< While busy: when its caller was checked last.
    time_point since;                ///< While busy: when the first user's turn began.
    time_point used_at;              ///< When it was last of use.
  };

  enum class health : uint8_t { up, down, full, refusing, read_only };

  struct server {
    health state = health::up;
    bool proven = false; ///< Has accepted the last connect, and nothing was lost since.
    std::optional<errc> cause;
    size_t failures = 0; ///< In a row.
    bool has_refused = false;
    time_point failing_since;
  };

  uint64_t below(uint64_t n) { return std::uniform_int_distribution<uint64_t>{0, n - 1}(rng_); }
  bool one_in(uint64_t n) { return below(n) == 0; }
  pool_settings random_rules();

  // -- events ----------------------------------------------------------------------

  void step(uint64_t event);
  void pass_until_next_event();
  void change_a_server();
  void arrive();
  void dispose();
  void share_changes();
  void some_connection_reports();
  void connect_ends(connection_id id, connection& target);
  void opened(connection_id id, connection& target);
  void open_failed(connection_id id, errc code);
  void released(connection_id id, connection& target);
  void lost(connection_id id, connection& target);
  void returned(connection_id id, connection& target);
  void requeue(connection_id id);
  void gone(connection_id id);
  void server_failed(server& failing, errc code);
  void lost_in_use(const connection& target);

  // -- what the pool wants ---------------------------------------------------------

  void perform(const pool::commands& todo);
  void carry_out_all(const pool::commands& todo);
  void carry_out(const pool::open_connection& command);
  void carry_out(const pool::close_connection& command);
  void carry_out(const pool::ping_connection& command);
  void carry_out(const pool::check_caller& command);
  void carry_out(const pool::requeue& command);
  void carry_out(const pool::grant_connection& command);
  void carry_out(const pool::fail_request& command);
  void carry_out(const pool::finish& command);

  // -- what has to hold ------------------------------------------------------------

  bool may_be_next(const pool::request& waiting, const connection& target) const;
  bool may_fail(const pool::request& waiting, const failure& reason);
  bool all_servers_fail() const;
  bool breaker_may_be_open() const;
  void check_state();
  void check_time();
  void check_connections();
  void check_status();

  size_t count(doing state) const;
  size_t open_connections() const { return count(doing::idle) + count(doing::pinging) + count(doing::busy); }
  size_t serving() const;
  size_t least() const;
  size_t most() const { return std::min(rules_.size + rules_.max_overflow, budget_); }
  size_t kept() const { return std::min(rules_.kept(), budget_); }
  time_point deadline_of(const pool::request& waiting) const;
  void object(const std::string& problem);

  std::minstd_rand rng_;
  pool_settings rules_;
  size_t budget_; ///< The pool's share of a budget.
  std::vector<server> servers_;
  pool::pool_core core_;
  time_point now_{std::chrono::hours{1}};

  std::map<connection_id, connection> connections_;
  std::deque<pool::request> queue_;
  std::vector<connection_id> to_requeue_;
  std::set<pool::request_id> came_back_; ///< Requests that a connection has handed back, or that have priority.
  std::set<pool::request_id> ghosts_;    ///< Their old ids, on the connections that have requeued them.
  uint64_t last_request_ = 0;
  connection_id last_connection_{};
  pool::request_id newest_{};  ///< The request that has just come.
  connection_id must_close_{}; ///< The connection that has just become useless.

  uint64_t generation_ = 0;
  errc last_failure_{};
  bool rebuilding_ = false;
  size_t limit_;
  time_point limit_until_ = time_point::max();
  time_point in_time_at_; ///< When a request was last served without having waited too long.

  // Numbers that the pool has to count.
  uint64_t served_ = 0;
  uint64_t timed_out_ = 0;
  uint64_t shed_ = 0;
  drain_report drained_;

  bool draining_ = false;
  bool finished_ = false;
  time_point drain_limit_ = time_point::max();

  tally done_;
  std::string problem_;
};

} // namespace cenote::test
