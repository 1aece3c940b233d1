#pragma once

#include "simulation/dice.hpp"
#include "simulation/plan.hpp"
#include "simulation/row_locks.hpp"
#include "simulation/sql.hpp"
#include "simulation/stamps.hpp"
#include "simulation/transcript.hpp"

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <variant>
#include <vector>

namespace cenote::simulation {

/// One request of a client.
struct server_request {
  enum class kind : uint8_t { statement, compound, ping, reset };
  kind type = kind::statement;
  std::vector<command> commands; ///< One, or those of a compound statement.
};

/// The result of one statement.
struct result_set {
  stamp mark{};
  uint32_t row = 0;
  bool has_rows = false;
  uint16_t warnings = 0;
  std::vector<std::vector<std::string>> rows; ///< For cenote's own queries.
  size_t columns = 0;                         ///< Of those.
};

struct server_error {
  uint32_t number = 0;
  std::string sqlstate;
  std::string text;
};

/// The answer to a request.
struct server_reply {
  std::vector<result_set> sets; ///< Those that are complete.
  std::optional<server_error> error;
  bool in_transaction = false; ///< Not reported with an error.
  bool touched = false;        ///< Likewise.
};

/// The other end of a session.
class server_client {
public:
  virtual ~server_client() = default;
  virtual void reply(server_reply answer) = 0;

  /// The server has ended the session.
  virtual void hang_up() = 0;
};

/// A database server with rows, transactions, locks and sessions, as far as it matters to a pool. Several endpoints
/// lead to the same rows.
///
/// Every effect of a statement is recorded at its stamp, so that the true outcome is known afterwards. The server
/// objects to anything that must never happen to a session, such as a caller finding the leftovers of another caller in
/// it.
class model_server {
public:
  model_server(schedule& time, const plan& run_plan, stamps& marks, transcript& log);

  // -- clients -------------------------------------------------------------------

  /// A connect and a login.
  std::variant<server_session_id, server_error> connect(size_t endpoint, server_client& client);

  /// A request has arrived. It is done when those before it are.
  void receive(server_session_id id, server_request request);

  /// The client has closed its end. The server notices when it has nothing else to do.
  void client_closed(server_session_id id);

  // -- other sessions, and fate ------------------------------------------------------

  /// Stops the running statement, or otherwise the next one.
  /// @param of_pool whether the pool has asked for it, and has got the confirmation.
  void kill_query(server_session_id id, bool of_pool);

  void kill_session(server_session_id id);

  /// Ends all sessions of an endpoint.
  void restart(size_t endpoint);

  /// The current state of an endpoint.
  struct endpoint_state {
    bool away = false;
    bool full = false;
    bool refuses_login = false;
    bool read_only = false;
    time_point frozen_until = time_point::min();
  };
  endpoint_state& endpoint(size_t index) { return endpoints_[index]; }

  /// A random open session; zero if there is none.
  server_session_id any_session();

  /// The connection of this use must not be used by any other.
  void evict(use_id use);

  // -- what is there -----------------------------------------------------------------

  size_t open_sessions() const noexcept { return open_; }
  server_session_id any_lock_owner() const { return locks_.any_owner(); }
  bool is_open(server_session_id id) const { return at(id).open; }

private:
  struct effect {
    stamp mark;
    operation op;
    uint32_t row;
  };

  struct mark_in_transaction {
    std::string name;
    size_t effects;
  };

  struct session {
    server_session_id id{};
    size_t endpoint = 0;
    server_client* client = nullptr;
    bool open = true;
    bool client_gone = false;

    std::deque<server_request> inbox;
    std::optional<server_request> current;
    size_t step = 0; ///< Of the current request.
    server_reply reply;
    uint64_t turn = 0; ///< Events scheduled for an earlier turn are void.
    bool waits_for_lock = false;
    bool kill_pending = false;
    bool kill_is_of_pool = false;
    time_point idle_since;
    bool idle_watched = false;

    bool in_transaction = false;
    bool read_only = false;
    bool keeps_something = false; ///< A rollback does not undo everything.
    std::vector<effect> pending;
    std::vector<mark_in_transaction> savepoints;

    use_id changed_by{};     ///< The use that has set its variables, role ...
    use_id transaction_of{}; ///< The use that its open transaction belongs to.
    use_id last_use{};
    use_id evicted_by{};
    std::unordered_set<uint32_t> past_uses; ///< Sessions that have ended here.
    bool has_isolation = false;             ///< For the next transaction.
    bool touched = false;                   ///< As the server reports it.
  };

  session& at(server_session_id id) { return *sessions_[static_cast<size_t>(id) - 1]; }
  const session& at(server_session_id id) const { return *sessions_[static_cast<size_t>(id) - 1]; }
  std::string name_of(const session& target) const;

  // model_server.cpp: requests, one after the other
  void next(session& target);
  void answer(session& target);
  void interrupt(session& target);
  void refuse(session& target, uint32_t number, const char* sqlstate, const char* text);
  void end(session& target, bool notify);
  void watch_idle(session& target);
  void abort(session& target);
  bool can_be_stopped(const session& target) const;
  duration time_for_statement(const session& target);

  // model_server_execution.cpp: the execution of statements
  void begin_step(session& target);
  void work_on_step(session& target);
  void finish_step(session& target);
  void carry_out(session& target, const command& command, result_set& out);
  void reset(session& target);
  void write(session& target, const command& command);
  void commit(session& target);
  void roll_back(session& target);
  void release_locks(session& target);
  void make_lasting(const effect& change);
  void check_use(session& target, const command& command);
  bool find_savepoint(session& target, const command& command, bool remove_it);

  schedule& time_;
  const plan& plan_;
  stamps& marks_;
  transcript& log_;
  dice random_;
  std::vector<endpoint_state> endpoints_;
  std::vector<std::unique_ptr<session>> sessions_;
  size_t open_ = 0;
  row_locks locks_;
  std::unordered_set<uint32_t> entries_; ///< Keys, by stamp.
  std::unordered_set<uint32_t> keys_;    ///< Keys, by row.
  std::unordered_map<uint32_t, server_session_id> session_of_use_;
};

} // namespace cenote::simulation
