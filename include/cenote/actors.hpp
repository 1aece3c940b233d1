#pragma once

#include "cenote/detail/connection.hpp"
#include "cenote/detail/server_session.hpp"
#include "cenote/effective_settings.hpp"
#include "cenote/error.hpp"
#include "cenote/events.hpp"
#include "cenote/result.hpp"
#include "cenote/session.hpp"
#include "cenote/statement.hpp"
#include "cenote/status.hpp"
#include "cenote/transaction.hpp"
#include "cenote/type_ids.hpp"

#include <caf/actor_clock.hpp>
#include <caf/actor_control_block.hpp>
#include <caf/timespan.hpp>
#include <caf/typed_actor.hpp>

#include <optional>
#include <string>
#include <variant>
#include <vector>

/// A connection pool made of actors.
namespace cenote {

// Every message of cenote is on this page. What applications use comes first.

/// A connection pool, and everything that decorates one (like a retrier). Answers every request, whatever happens;
/// errors hold a `failure`, see `details`. A pool runs on an I/O thread of its own; nothing here ever blocks.
using pool_actor = caf::typed_actor<
    // Runs one statement in autocommit mode on the first free connection; callers are served first come first served.
    // Errors: every `errc` but `invalid_setting`.
    caf::result<result>(execute_atom, statement),

    // The same on behalf of another actor, for those that stand between the pool and its callers: if that one ends,
    // the statement is dropped from the queue, or stopped on the server.
    caf::result<result>(execute_atom, statement, caf::strong_actor_ptr),

    // Runs all statements in one transaction, and commits. Answers one result per statement. If anything fails, nothing
    // of it has taken effect, unless the outcome is `unknown`; `failure::statement_index` says where it failed.
    caf::result<std::vector<result>>(transact_atom, transaction),

    // The same on behalf of another actor.
    caf::result<std::vector<result>>(transact_atom, transaction, caf::strong_actor_ptr),

    // Lends a connection to the sender for its exclusive use, oldest request first. Ends with `checkin`, with its time
    // limit, or with its holder: then what is open is rolled back. What comes after that is refused: `session_ended`.
    // So is what comes from any other actor than the holder, whether it knows the id or not.
    // A session whose holder has not used it once for `unclaimed_session_timeout` ends as well: its answer may have
    // come too late for the one who asked.
    caf::result<session_id>(checkout_atom, session_options),

    // The same for another holder: the answer goes to the sender, but the session belongs to that actor.
    caf::result<session_id>(checkout_atom, session_options, caf::strong_actor_ptr),

    // Gives the connection back when what was sent before is done. An open transaction is rolled back, and the state of
    // the session is reset.
    caf::result<void>(checkin_atom, session_id),

    // What a session can do, one after the other. A transaction must not be open already at `begin`; with a name,
    // `savepoint` and `rollback` are about that savepoint. Inside of a transaction that was begun this way, SQL that
    // only begins or ends one (COMMIT, ROLLBACK, BEGIN, START TRANSACTION) is refused: `invalid_statement`.
    //
    // A transaction may end though nobody asked for that. If the server has certainly undone it (a deadlock;
    // `lock_wait` with `innodb_rollback_on_timeout`), the statement fails as `rolled_back`. If it may have been
    // committed (DDL, LOCK TABLES, a procedure with COMMIT, even one that begins another transaction), the statement
    // fails as `transaction_ended`, `unknown`, though it may have run. Either way everything that follows, `commit`
    // included, is refused with that failure until `rollback` or another `begin`. After `lock_wait` without that option
    // the transaction is still open.
    //
    // If the connection is lost, its open transaction is `rolled_back`, and so is what comes later for the session
    // (`session_ended`); but a COMMIT's outcome is `unknown`. A statement's time limit counts from its arrival: if it
    // passes before what came earlier is done, the statement is not sent (`statement_timeout`, `not_sent`).
    caf::result<result>(execute_atom, session_id, statement),
    caf::result<void>(begin_atom, session_id, transaction_options), caf::result<void>(commit_atom, session_id),
    caf::result<void>(rollback_atom, session_id), caf::result<void>(savepoint_atom, session_id, std::string),
    caf::result<void>(rollback_atom, session_id, std::string),

    // Gives the session to another actor, which is its holder from then on: what the former one still sends is refused,
    // what it has sent before is done. The new holder has to use it once within `unclaimed_session_timeout`.
    caf::result<void>(handover_atom, session_id, caf::strong_actor_ptr),

    // The connection of this session is not to be used again: when the session ends it is closed, and replaced.
    caf::result<void>(evict_atom, session_id),

    // Makes one round trip to the server. Unlike `execute` it does not wait for a server that is down: it answers
    // `connect_failed` as soon as a connect fails while no connection is open.
    caf::result<verification>(verify_atom),

    // The numbers of this moment.
    caf::result<pool_status>(status_atom),

    // The settings that the pool works with.
    caf::result<effective_settings>(settings_atom),

    // Replaces all connections: those in use when they come back, the others now.
    caf::result<void>(dispose_atom),

    // Pauses: no request gets a connection any more. Those that have one go on, sessions included; when the status
    // says that no connection is checked out, the pool is at rest. What comes meanwhile waits, for as long as it would
    // for a connection (its own time limit and the pool's `timeout`), whether or not the server is there; `verify`
    // fails at once. A pool that shuts down cannot be paused, and a drain ends a pause.
    caf::result<void>(pause_atom),

    // Ends a pause; failed connects of the past do not count any more. Does nothing if the pool is not paused.
    caf::result<void>(resume_atom),

    // From now on the sender is told what happens: it is sent `pool_events` as requests, one after the other, and has
    // to answer each (a handler that returns nothing does). Events that happen meanwhile come with the next one; a
    // slow subscriber loses the oldest and is told how many. Ends with `unsubscribe` or with the subscriber, and if it
    // answers with an error. More subscribers than 100 are refused: `queue_full`.
    caf::result<void>(subscribe_atom), caf::result<void>(unsubscribe_atom),

    // The same on behalf of another actor.
    caf::result<void>(subscribe_atom, caf::strong_actor_ptr),
    caf::result<void>(unsubscribe_atom, caf::strong_actor_ptr),

    // Shuts down: refuses new requests (`shutting_down`), serves what it has accepted for up to the given time, then
    // fails the rest, closes all connections, answers and ends. Zero or less: cuts at once. More than a century: waits
    // for as long as it takes. Asking again can only shorten the time.
    caf::result<drain_report>(drain_atom, caf::timespan)>;

// -- internal: between the pool and its connections, never over the network -------
/// @cond internal

/// A session that begins.
struct lease {
  session_id id{};
  session_options options;
  std::chrono::nanoseconds leak_warning{0};      ///< Zero: none.
  std::chrono::nanoseconds unclaimed_timeout{0}; ///< Longest time until its first use; zero: none.
};

/// What a session's holder asks for.
struct session_command {
  enum class kind : uint8_t { execute, begin, commit, rollback, savepoint, rollback_to };
  session_id session{};
  kind what = kind::execute;
  statement text;              ///< For `execute`.
  transaction_options options; ///< For `begin`.
  std::string savepoint;       ///< For `savepoint` and `rollback_to`.
};

/// What a connection is given for.
using work = std::variant<statement, transaction, lease>;

/// Work on its way to a connection.
struct grant {
  work what;
  liveness_check check = liveness_check::peek;
  /// When the work's own time is up; `time_point::max()` if it has none.
  caf::actor_clock::time_point deadline = caf::actor_clock::time_point::max();
  /// Until when it may not have begun: a frozen server, or a statement before it on its connection, must not hold a
  /// caller for longer than the queue would.
  caf::actor_clock::time_point check_until = caf::actor_clock::time_point::max();
  /// When the pool got the request; decides its place in the queue if it comes back.
  caf::actor_clock::time_point accepted;
  std::chrono::nanoseconds waited{0};
  uint32_t attempts = 1;
  bool urgent = false;        ///< Came as `verify`: does not wait for a server that is down.
  bool shareable = false;     ///< A statement that may use the connection beside others.
  bool in_doubt = false;      ///< It was sent before: whether it has run is not known.
  caf::strong_actor_ptr user; ///< Whose death makes the statement useless; may be null.
};

/// How a session has ended, for those that come too late.
struct session_end {
  session_id id{};
  std::string why;
  outcome what = outcome::rejected; ///< Of what comes too late.
};

/// A connection's report that requests have ended, or that it is gone.
struct released {
  fate what = fate::reusable;
  std::string reason;    ///< Why it is gone.
  uint32_t ended = 1;    ///< Requests that have ended since the last report.
  uint32_t requeued = 0; ///< Others that have left it since: they run elsewhere, or their caller has ended.
  uint32_t stopped = 0;  ///< Statements that it has told the server to stop since.
  std::optional<session_end> session{}; ///< Has ended by itself since then.
};

/// A connection: owns one session with the server. A broker on an I/O lane; never blocks it.
using connection_actor = caf::typed_actor<
    // Does the work, after what it was given before, and answers the client, to whom the pool delegates, in the way of
    // what it asked for. If the connection turns out to be dead before anything was sent, it hands the grant back to
    // the pool with `returned`.
    caf::result<result>(execute_atom, grant),

    // Its first statement is slow: hands those behind it back to the pool with `called_back`, if it does no harm that
    // they run here as well.
    caf::result<void>(call_back_atom),

    // Does it for the holder of the session, after what that one has asked for before.
    caf::result<result>(execute_atom, session_command),

    // The session has ended: it was checked in, and ends after what its holder has asked for before, or its holder has
    // ended, and it does so at once.
    caf::result<void>(checkin_atom, session_id),

    // The session belongs to another holder, who has sent nothing yet.
    caf::result<void>(handover_atom, session_id, caf::strong_actor_ptr),

    // When this session ends the connection is closed.
    caf::result<void>(evict_atom, session_id),

    // Pings the server, then reports `released`.
    caf::result<void>(ping_atom),

    // The statement has been running for a while: if its user has ended meanwhile, it is stopped on the server.
    caf::result<void>(look_after_atom),

    // Closes the connection and ends. A statement still running is answered first: `unknown`.
    caf::result<void>(close_atom),

    // The socket became ready.
    caf::result<void>(ready_atom, bool, bool)>;

/// Stops on the server what the sessions of a pool run. Only on the server that they are on: behind a balancer, or
/// after a name has got another address, the same id is somebody else's.
using controller_actor = caf::typed_actor<
    // Stops the statement that this session runs. Answered when the server has confirmed it, or with an error if that
    // cannot be, or if the session's own server is not found.
    caf::result<void>(stop_atom, server_session),

    // Ends that session, now or as soon as its server can be reached, if it is still there then.
    caf::result<void>(end_atom, server_session),

    // Its own thread is done.
    caf::result<void>(done_atom)>;

/// A connection that is ready for use.
struct opened {
  connection_actor connection;
  uint64_t server_connection_id = 0;
  std::string server_version;
};

/// The pool with the messages that its own connections send it.
using supervisor_actor = pool_actor::extend<
    // `execute` for callers that do not wait for a server that is down.
    caf::result<result>(verify_atom, statement),

    // A connect succeeded, or did not.
    caf::result<void>(opened_atom, connection_id, opened), caf::result<void>(open_failed_atom, connection_id, failure),

    // The use of a connection has ended.
    caf::result<void>(released_atom, connection_id, released),

    // A session is held for longer than `leak_warning`; its last statement.
    caf::result<void>(leaked_atom, session_id, caf::timespan, std::string),

    // Work that a dead connection could not begin: it keeps its place at the head of the queue.
    caf::result<result>(returned_atom, connection_id, grant, std::string),

    // Work that waits on its connection behind a slow statement: likewise.
    caf::result<result>(called_back_atom, connection_id, grant)>;

/// @endcond

} // namespace cenote

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(cenote::grant)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(cenote::session_command)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(cenote::opened)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(cenote::released)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(cenote::connection_id)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(cenote::server_session)
