#pragma once

#include "pool/pool_core.hpp"
#include "simulation/canceller.hpp"
#include "simulation/channel.hpp"
#include "simulation/simulated_connection.hpp"
#include "simulation/world.hpp"

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>

namespace cenote::simulation {

/// The counterpart of the pool actor: translates between messages and a `pool_core`, and keeps track of sessions and
/// their holders.
class simulated_pool {
public:
  explicit simulated_pool(world& world);

  void start();

  /// Delivers a message: the functions below are called when it arrives.
  void send(caller_id sender, schedule::task message);

  // -- messages of callers ------------------------------------------------------------

  void accept(statement query, promise answer_to, caller_id caller, bool fail_fast = false);
  void accept(transaction request, promise answer_to, caller_id caller);
  void accept(session_options options, promise answer_to, caller_id caller);
  void command(session_command command, promise answer_to, caller_id sender);
  void check_in(session_id id, caller_id sender);
  void hand_over(session_id id, caller_id new_holder, promise answer_to, caller_id sender);
  void evict(session_id id, promise answer_to, caller_id sender);
  void dispose();
  void reconfigure(const pool_settings& rules, bool renew);
  void set_budget(size_t connections);
  void pause();
  void resume();
  void drain(duration limit);

  // -- messages of connections -------------------------------------------------------

  void released(connection_id id, const cenote::released& report);
  void returned(connection_id id, grant granted, promise answer_to, caller_id caller, const std::string& reason);
  void requeued(connection_id id, grant granted, promise answer_to, caller_id caller);
  void closed(connection_id id);

  // -- what can be seen from outside -------------------------------------------------

  bool is_draining() const noexcept { return draining_; }
  bool has_finished() const noexcept { return finished_; }
  pool_status status() const { return core_.status(); }

private:
  struct pending {
    promise answer_to;
    work_request request;
    caller_id caller;
    bool came_back = false;
  };

  struct held_session {
    connection_id connection;
    caller_id holder;
  };

  struct past_session {
    caller_id holder;
    std::string reason;
    cenote::outcome outcome;
  };

  struct member {
    std::unique_ptr<simulated_connection> connection;
    std::optional<session_id> session;
    size_t in_use = 0;     ///< Requests granted to it that have not ended.
    time_point watched_at; ///< While it is in use: when its callers were last checked.
  };

  void accept(work_item work, duration timeout, promise answer_to, caller_id caller, bool fail_fast = false);
  pool::request add(pending added);
  bool belongs_to(session_id id, caller_id sender) const;
  failure refusal(session_id id, caller_id sender) const;
  void check_in(session_id id);
  void end_session_on(connection_id id, const std::string& reason, outcome effect = outcome::rejected);
  void connect(connection_id id, size_t server);
  void connect_ended(connection_id id, size_t server, uint64_t generation, wire& path);
  void open_failed(connection_id id, size_t server, const db::driver_error& error);

  void perform(pool::commands todo);
  void carry_out(const pool::open_connection& command);
  void carry_out(const pool::close_connection& command);
  void carry_out(const pool::ping_connection& command);
  void carry_out(const pool::check_caller& command);
  void carry_out(const pool::requeue& command);
  void carry_out(const pool::grant_connection& command);
  void carry_out(pool::fail_request& command);
  void carry_out(const pool::finish&);
  void set_timer();
  void note_failure(size_t server);
  void check_refusal(const failure& reason);
  void check_order(const pending& granted, pool::request_id id) const;
  void check_state();
  void answer(promise answer_to, content reply);
  void step(const std::string& event) const;

  world& world_;
  dice random_;
  std::unordered_map<caller_id, channel> channels_;
  canceller stops_{world_};
  server_settings server_;
  pool_settings rules_;
  size_t max_connections_; ///< The highest limit so far: connections in use stay for a while.
  size_t max_connecting_;
  size_t budget_; ///< The share of it.
  pool::pool_core core_;
  std::map<connection_id, member> connections_;
  std::deque<std::unique_ptr<simulated_connection>> past_connections_;
  std::unordered_map<session_id, held_session> sessions_;
  std::unordered_map<session_id, past_session> past_sessions_;
  std::map<pool::request_id, pending> requests_;
  uint64_t last_request_ = 0;
  uint64_t last_session_ = 0;
  connection_id last_connection_{};
  connection_id last_disposed_{}; ///< None up to this one may be given away.
  pool::commands follow_up_;
  time_point armed_for_ = time_point::max();
  bool draining_ = false;
  bool finishing_ = false;
  bool finished_ = false;

  /// Failed connects in a row, by server.
  struct failures {
    size_t count = 0;
    time_point since;
  };
  std::vector<failures> failures_;
};

} // namespace cenote::simulation
