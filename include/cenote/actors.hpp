#pragma once

#include "cenote/details.hpp"
#include "cenote/effective_settings.hpp"
#include "cenote/error.hpp"
#include "cenote/events.hpp"
#include "cenote/result.hpp"
#include "cenote/session.hpp"
#include "cenote/settings_update.hpp"
#include "cenote/statement.hpp"
#include "cenote/status.hpp"
#include "cenote/transaction.hpp"
#include "cenote/type_ids.hpp"

#include <caf/actor_control_block.hpp>
#include <caf/timespan.hpp>
#include <caf/typed_actor.hpp>

#include <string>
#include <vector>

/// A connection pool made of actors.
namespace cenote {

// Every message that applications exchange with cenote is on this page.

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

    // What each connection and each session does. Takes a round trip to every connection's actor, none to the server.
    caf::result<pool_details>(details_atom),

    // The statements that have taken the most time since the pool began, at most 200 of them, the costliest first.
    // None if `statement_statistics` is off. Of 1000 digests the cheaper half is forgotten.
    caf::result<std::vector<statement_summary>>(statements_atom),

    // Ends a session, whoever holds it, as if its holder had ended: what it runs is stopped, what is open is rolled
    // back. Its holder is told `session_ended`. For operators. Error: `session_ended` if there is no such session.
    caf::result<void>(kill_atom, session_id),

    // The settings that the pool works with.
    caf::result<effective_settings>(settings_atom),

    // Other settings hold from now on. All of them are checked before anything is changed; error: `invalid_setting`.
    // What cannot change while the pool runs: `pool.name`, `pool.pipeline_depth`, `pool.io_threads`, and where the
    // server is. Whoever waits does so for as long as the new timeout says. If anything about logging in has changed,
    // new connections use it, and the old ones are replaced one after the other while nobody is the worse for it: those
    // in use when they come back. Only within a process. A retrier takes over its own settings as well.
    caf::result<void>(reconfigure_atom, settings_update),

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

} // namespace cenote
