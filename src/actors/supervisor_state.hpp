#pragma once

// Private to the supervisor: its state. supervisor.cpp translates between messages and pool_core;
// supervisor_sessions.cpp keeps the books of sessions and their holders.

#include "actors/connection_factory.hpp"
#include "actors/ended_sessions.hpp"
#include "actors/log_pacer.hpp"
#include "cenote/actors.hpp"
#include "cenote/settings.hpp"
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
  work what;
  pool::time_point accepted;
  pool::time_point deadline;
  uint32_t attempts; ///< Connections it was given already.
  bool urgent;
  bool shareable;             ///< See `pool::is_shareable`.
  bool in_doubt;              ///< It was sent before, and may have run.
  caf::strong_actor_ptr user; ///< Whose death makes it useless.
};

/// A session that is in use.
struct lent {
  connection_id connection;
  caf::actor_addr holder;
};

/// What an open connection is, and for whom.
struct member {
  connection_actor actor;
  std::optional<session_id> session;
  bool reported_gone = false; ///< The log has told that it is gone.
};

struct supervisor_state {
  using pointer = supervisor_actor::stateful_pointer<supervisor_state>;

  static inline const char* name = "cenote.pool";

  supervisor_state(pointer this_actor, const pool_settings& settings, std::unique_ptr<connection_factory> factory,
                   uint64_t seed)
      : self{this_actor},
        rules{settings},
        core{settings, seed, factory->servers()},
        connections_of{std::move(factory)} {
    // nop
  }

  ~supervisor_state() { timer.dispose(); }

  supervisor_actor::behavior_type make_behavior();
  supervisor_actor::behavior_type handlers();

  // -- messages ------------------------------------------------------------------

  void accept(work what, std::chrono::nanoseconds timeout, caf::strong_actor_ptr user, bool urgent = false);
  void accept(session_options what, caf::strong_actor_ptr holder);
  void command(session_command what);
  void check_in(session_id id);
  caf::result<verification> verify();
  void verified();
  caf::result<drain_report> drain(caf::timespan limit);
  void opened_connection(connection_id id, opened x);
  void open_failed(connection_id id, const failure& why);
  void released_connection(connection_id id, const released& x);
  void tell_gone(connection_id id, const std::string& reason);
  void returned(connection_id id, grant what, const std::string& reason);
  pool::request take_back(grant what);
  void connection_down(const caf::actor_addr& who);
  void holder_down(const caf::actor_addr& who);

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
  void carry_out(const pool::look_after& x);
  void carry_out(const pool::call_back& x);
  void carry_out(const pool::grant_connection& x);
  void carry_out(pool::fail_request& x);
  void carry_out(const pool::finish&);

  pool::request add(pending x);
  void begin_session(lease& what, const pending& who, connection_id connection);
  void end_session_on(connection_id id, std::string why, outcome what = outcome::rejected);
  void start_drain(pool::time_point until);
  void end_if_finished();
  void arm_timer();
  pool::time_point now() const { return self->clock().now(); }

  pointer self;
  pool_settings rules;
  pool::pool_core core;
  std::unique_ptr<connection_factory> connections_of;

  std::unordered_map<connection_id, member> connections;
  std::unordered_map<session_id, lent> sessions;
  ended_sessions past_sessions;
  uint64_t last_session = 0;
  std::unordered_map<pool::request_id, pending> requests;
  uint64_t last_request = 0;
  pool::commands follow_up; ///< What carrying out commands has led to.

  /// How connects have failed since one succeeded: by server, code and number, because texts are of any number.
  std::set<std::tuple<size_t, errc, uint32_t>> connect_troubles;
  log_pacer stops; ///< Statements that connections have stopped.

  std::vector<caf::typed_response_promise<drain_report>> drain_promises;
  bool finishing = false;
  size_t verifying = 0; ///< Requests of `verify` to this actor itself.

  caf::disposable timer;
  pool::time_point armed_for = pool::time_point::max();
};

} // namespace cenote
