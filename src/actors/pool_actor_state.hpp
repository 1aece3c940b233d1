#pragma once

// Private to the pool actor: its state. pool_actor.cpp translates between messages and pool_core;
// pool_actor_sessions.cpp keeps account of sessions and their holders, pool_actor_events.cpp sends events to
// subscribers; pool_actor_settings.cpp changes the settings while it runs; pool_actor_details.cpp is for operators.

#include "actors/connection_factory.hpp"
#include "actors/ended_sessions.hpp"
#include "actors/event_feed.hpp"
#include "actors/messages.hpp"
#include "actors/notice_board.hpp"
#include "cenote/settings.hpp"
#include "log/log_pacer.hpp"
#include "metrics/pool_metrics.hpp"
#include "pool/pool_core.hpp"
#include "runtime/guarded_behavior.hpp"
#include "runtime/pending_reply.hpp"
#include "types/recycling_map.hpp"

#include <caf/disposable.hpp>
#include <caf/response_promise.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <vector>

namespace cenote {

/// A request that has not been given a connection.
struct pending {
  pending_reply reply;
  cenote::grant grant;          ///< Complete once it has one.
  caf::strong_actor_ptr caller; ///< The request is useless after its end.

  work_request& request() noexcept { return grant.request; }
  const work_request& request() const noexcept { return grant.request; }
};

/// A session that is in use.
struct checked_out_session {
  connection_id connection;
  caf::actor_addr holder;
};

/// The exclusive use of a connection.
struct exclusive_use {
  pool::time_point since;
  session_id session{}; ///< Zero: a statement or a transaction.
  std::string owner;
};

/// An open connection and its use.
struct member {
  connection_actor actor;
  uint64_t server_connection_id = 0;
  std::optional<session_id> session{};
  bool reported_gone = false;         ///< Its loss has been logged.
  std::optional<exclusive_use> use{}; ///< As in events; continues while the connection is reset.
  bool closed = false;                ///< Its end has been published.
};

struct pool_actor_state {
  using pointer = internal_pool_actor::stateful_pointer<pool_actor_state>;

  static inline const char* name = "cenote.pool";

  pool_actor_state(pointer this_actor, const pool_settings& settings, std::unique_ptr<connection_factory> factory,
                   uint64_t seed)
      : self{this_actor},
        rules{settings},
        core{settings, seed, factory->servers()},
        connections_of{std::move(factory)},
        measured{this_actor->system().metrics(), settings, core.servers()},
        feed{settings.name,
             [this](auto& subscriber, auto id, pool_events events) { send_events(subscriber, id, std::move(events)); }},
        notices{[this](auto& listener, auto& channel) {
                  caf::anon_send(caf::actor_cast<caf::actor>(listener), notify_atom_v, channel);
                },
                [this](auto span, auto act) { self->run_delayed(span, [this, act] { guard(*this, act); }); }} {
    // nop
  }

  ~pool_actor_state() {
    timer.dispose();
    handle_watch.dispose();
  }

  internal_pool_actor::behavior_type make_behavior();
  internal_pool_actor::behavior_type handlers();

  // -- messages ------------------------------------------------------------------

  void accept(work_item&& work, std::chrono::nanoseconds timeout, caf::strong_actor_ptr user, bool fail_fast = false,
              bool priority = false);
  void accept(session_options options, caf::strong_actor_ptr holder, bool upkeep = false);
  budget_report set_budget(uint64_t share);
  void command(session_command request);
  void check_in(session_id id);
  bool belongs_to_sender(session_id id) const;
  caf::result<void> handover(session_id id, const caf::strong_actor_ptr& to);
  caf::result<void> evict(session_id id);
  caf::result<void> kill(session_id id);
  caf::result<pool_details> details();
  session_details outline(session_id id, pool::time_point at) const;
  caf::result<void> reconfigure(const settings& config);
  std::string obstacle_to(const settings& config) const;
  caf::result<verification> verify();
  void verified();
  caf::result<drain_report> drain(caf::timespan limit);
  void opened_connection(connection_id id, opened connection);
  void open_failed(connection_id id, const failure& error);
  void released_connection(connection_id id, const released& report);
  void tell_gone(connection_id id, const std::string& reason);
  void returned(connection_id id, work_request work, caf::strong_actor_ptr caller, const std::string& reason);
  void requeued(connection_id id, work_request work, caf::strong_actor_ptr caller);
  pool::request take_back(work_request work, caf::strong_actor_ptr caller);
  void connection_down(const caf::actor_addr& address);
  void holder_down(const caf::actor_addr& holder);
  void pause();
  void resume();
  caf::result<void> subscribe(const caf::strong_actor_ptr& subscriber);
  void unsubscribe(const caf::actor_addr& subscriber);
  caf::result<void> listen(const caf::strong_actor_ptr& listener);
  void leaked(session_id id, caf::timespan held, std::string last_statement);

  // -- carrying out --------------------------------------------------------------

  void perform(pool::commands todo);
  void settle();
  void end_turn() noexcept;
  template <class Command>
  void try_to_carry_out(Command& command);
  void not_carried_out(const pool::open_connection& command, const char* problem);
  void not_carried_out(const pool::grant_connection& command, const char* problem);
  template <class Command>
  void not_carried_out(const Command&, const char*);
  void follow(pool::commands more);
  void defect(const char* problem);
  void carry_out(const pool::open_connection& command);
  void carry_out(const pool::close_connection& command);
  void carry_out(const pool::ping_connection& command);
  void carry_out(const pool::check_caller& command);
  void carry_out(const pool::requeue& command);
  void carry_out(const pool::grant_connection& command);
  void carry_out(pool::fail_request& command);
  void carry_out(const pool::finish&);

  pool::request add(pending&& entry);
  void begin_session(lease& session, const caf::strong_actor_ptr& holder, connection_id connection);
  void end_session_on(connection_id id, std::string_view reason, outcome effect = outcome::rejected);
  caf::error refusal(session_id id, const caf::strong_actor_ptr& sender) const;
  void watch(const caf::strong_actor_ptr& actor);
  void unwatch(const caf::actor_addr& actor);
  void watch_handles();
  bool is_reachable() const;
  void look_for_handles();
  void start_drain(pool::time_point until);
  void end_if_finished();
  void arm_timer();
  pool::time_point now() const { return self->clock().now(); }

  // -- events --------------------------------------------------------------------

  void send_events(const caf::strong_actor_ptr& subscriber, event_feed::subscription_id id, pool_events events);
  void publish(event_kind kind, std::string detail = {});
  void publish_opened(connection_id id, const opened& connection);
  void publish_closed(connection_id id, close_reason reason);
  void publish_lost(connection_id id, const std::string& reason);
  void publish_breaker();
  void use_begins(member& connection, connection_id id, const grant& granted);
  void use_ends(connection_id id, pool::time_point at);
  void measure_levels();
  void measure_refusal(const pending& waiting, const failure& error);

  pointer self;
  pool_settings rules;
  pool::pool_core core;
  std::unique_ptr<connection_factory> connections_of;
  metrics::pool_metrics measured;

  std::unordered_map<connection_id, member> connections;
  std::unordered_map<session_id, checked_out_session> sessions;
  ended_sessions past_sessions;
  std::unordered_map<caf::actor_addr, size_t> watched; ///< Holders and subscribers, with the number of reasons.
  recycling_map<pool::request_id, pending> requests;
  uint64_t last_request = 0;
  pool::commands follow_up; ///< Further commands, from carrying out commands.

  /// How connects have failed since one succeeded: by server, code and number, because texts are unlimited.
  std::set<std::tuple<size_t, errc, uint32_t>> connect_failures;
  log_pacer stops; ///< Statements that connections have stopped.

  event_feed feed;
  breaker_state published_breaker = breaker_state::closed;
  notice_board notices;

  std::vector<caf::typed_response_promise<drain_report>> drain_promises;
  bool finishing = false;
  size_t verifying = 0; ///< Requests of `verify` to this actor itself.

  bool has_turns = false;        ///< Whether its thread calls `end_turn` after each batch of messages.
  bool ends_unreachable = false; ///< Whether it ends if no handle of it exists any more.
  size_t unreachable = 0;        ///< How many times in a row none existed.
  caf::disposable handle_watch;

  caf::disposable timer;
  pool::time_point armed_for = pool::time_point::max();
};

} // namespace cenote
