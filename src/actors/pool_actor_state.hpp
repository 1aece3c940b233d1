#pragma once

// Private to the pool actor: its state. pool_actor.cpp translates between messages and pool_core;
// pool_actor_sessions.cpp keeps the books of sessions and their holders, pool_actor_events.cpp tells subscribers what
// happens; pool_actor_settings.cpp changes the settings while it runs; pool_actor_details.cpp is for operators.

#include "actors/connection_factory.hpp"
#include "actors/ended_sessions.hpp"
#include "actors/event_feed.hpp"
#include "actors/messages.hpp"
#include "cenote/settings.hpp"
#include "log/log_pacer.hpp"
#include "metrics/pool_metrics.hpp"
#include "pool/pool_core.hpp"

#include <caf/disposable.hpp>
#include <caf/response_promise.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

namespace cenote {

/// A request that has not been given a connection.
struct pending {
  caf::response_promise promise;
  work_request request;
  caf::strong_actor_ptr caller; ///< Whose end makes it useless.
};

/// A session that is in use.
struct checked_out_session {
  connection_id connection;
  caf::actor_addr holder;
};

/// The use of a connection by somebody who has it alone.
struct exclusive_use {
  pool::time_point since;
  session_id session{}; ///< Zero: a statement or a transaction.
  std::string owner;
};

/// What an open connection is, and for whom.
struct member {
  connection_actor actor;
  uint64_t server_connection_id = 0;
  std::optional<session_id> session{};
  bool reported_gone = false;         ///< The log has told that it is gone.
  std::optional<exclusive_use> use{}; ///< As subscribers are told; goes on while the connection is reset.
  bool closed = false;                ///< Subscribers know that it is.
};

struct pool_actor_state {
  /// References to an actor that runs on an I/O thread, by that thread itself.
  static constexpr size_t references_while_running = 1;

  using pointer = internal_pool_actor::stateful_pointer<pool_actor_state>;

  static inline const char* name = "cenote.pool";

  pool_actor_state(pointer this_actor, const pool_settings& settings, std::unique_ptr<connection_factory> factory,
                   uint64_t seed)
      : self{this_actor},
        rules{settings},
        core{settings, seed, factory->servers()},
        connections_of{std::move(factory)},
        measured{this_actor->system().metrics(), settings, core.servers()},
        feed{settings.name, [this](auto& whom, auto id, pool_events what) { send_events(whom, id, std::move(what)); }} {
    // nop
  }

  ~pool_actor_state() {
    timer.dispose();
    handle_watch.dispose();
  }

  internal_pool_actor::behavior_type make_behavior();
  internal_pool_actor::behavior_type handlers();

  // -- messages ------------------------------------------------------------------

  void accept(work_item what, std::chrono::nanoseconds timeout, caf::strong_actor_ptr user, bool fail_fast = false);
  void accept(session_options what, caf::strong_actor_ptr holder);
  void command(session_command what);
  void check_in(session_id id);
  bool belongs_to_sender(session_id id) const;
  caf::result<void> handover(session_id id, const caf::strong_actor_ptr& to);
  caf::result<void> evict(session_id id);
  caf::result<void> kill(session_id id);
  caf::result<pool_details> details();
  session_details outline(session_id id, pool::time_point at) const;
  caf::result<void> reconfigure(const settings& all);
  std::string obstacle_to(const settings& all) const;
  caf::result<verification> verify();
  void verified();
  caf::result<drain_report> drain(caf::timespan limit);
  void opened_connection(connection_id id, opened x);
  void open_failed(connection_id id, const failure& why);
  void released_connection(connection_id id, const released& x);
  void tell_gone(connection_id id, const std::string& reason);
  void returned(connection_id id, work_request what, caf::strong_actor_ptr caller, const std::string& reason);
  void requeued(connection_id id, work_request what, caf::strong_actor_ptr caller);
  pool::request take_back(work_request what, caf::strong_actor_ptr caller);
  void connection_down(const caf::actor_addr& who);
  void holder_down(const caf::actor_addr& who);
  void pause();
  void resume();
  caf::result<void> subscribe(const caf::strong_actor_ptr& who);
  void unsubscribe(const caf::actor_addr& who);
  void leaked(session_id id, caf::timespan held, std::string last_statement);

  // -- carrying out --------------------------------------------------------------

  void perform(pool::commands todo);
  template <class Command>
  void try_to_carry_out(Command& x);
  void not_carried_out(const pool::open_connection& x, const char* what);
  void not_carried_out(const pool::grant_connection& x, const char* what);
  template <class Command>
  void not_carried_out(const Command&, const char*);
  void follow(pool::commands more);
  void defect(const char* what);
  void carry_out(const pool::open_connection& x);
  void carry_out(const pool::close_connection& x);
  void carry_out(const pool::ping_connection& x);
  void carry_out(const pool::check_caller& x);
  void carry_out(const pool::requeue& x);
  void carry_out(const pool::grant_connection& x);
  void carry_out(pool::fail_request& x);
  void carry_out(const pool::finish&);

  pool::request add(pending x);
  void begin_session(lease& what, const caf::strong_actor_ptr& holder, connection_id connection);
  void end_session_on(connection_id id, std::string why, outcome what = outcome::rejected);
  caf::error refusal(session_id id, const caf::strong_actor_ptr& sender) const;
  void watch(const caf::strong_actor_ptr& who);
  void unwatch(const caf::actor_addr& who);
  void watch_handles();
  bool is_reachable() const;
  void look_for_handles();
  void start_drain(pool::time_point until);
  void end_if_finished();
  void arm_timer();
  pool::time_point now() const { return self->clock().now(); }

  // -- events --------------------------------------------------------------------

  void send_events(const caf::strong_actor_ptr& whom, event_feed::subscription_id id, pool_events what);
  void publish(event_kind what, std::string detail = {});
  void publish_opened(connection_id id, const opened& x);
  void publish_closed(connection_id id, close_reason why);
  void publish_lost(connection_id id, const std::string& how);
  void publish_breaker();
  void use_begins(member& which, connection_id id, const grant& what);
  void use_ends(connection_id id, pool::time_point at);
  void measure_levels();
  void measure_refusal(const pending& x, const failure& why);

  pointer self;
  pool_settings rules;
  pool::pool_core core;
  std::unique_ptr<connection_factory> connections_of;
  metrics::pool_metrics measured;

  std::unordered_map<connection_id, member> connections;
  std::unordered_map<session_id, checked_out_session> sessions;
  ended_sessions past_sessions;
  std::unordered_map<caf::actor_addr, size_t> watched; ///< Holders and subscribers, and for how many reasons.
  std::unordered_map<pool::request_id, pending> requests;
  uint64_t last_request = 0;
  pool::commands follow_up; ///< What carrying out commands has led to.

  /// How connects have failed since one succeeded: by server, code and number, because texts are of any number.
  std::set<std::tuple<size_t, errc, uint32_t>> connect_failures;
  log_pacer stops; ///< Statements that connections have stopped.

  event_feed feed;
  breaker_state published_breaker = breaker_state::closed;

  std::vector<caf::typed_response_promise<drain_report>> drain_promises;
  bool finishing = false;
  size_t verifying = 0; ///< Requests of `verify` to this actor itself.

  bool ends_unreachable = false; ///< It ends if nobody has its handle any more.
  size_t unreachable = 0;        ///< How many times in a row nobody had.
  caf::disposable handle_watch;

  caf::disposable timer;
  pool::time_point armed_for = pool::time_point::max();
};

} // namespace cenote
