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

/// A connection pool, or whatever decorates one, such as a retrier. Every request is answered, whatever happens;
/// errors hold a `failure`, see `details`. A pool runs on an I/O thread of its own; nothing here ever blocks.
using pool_actor = caf::typed_actor<
    // Runs one statement in autocommit mode on the first free connection; callers are served first come first served.
    // Errors: every `errc` but `invalid_setting`.
    caf::result<result>(execute_atom, statement),

    // The same on behalf of another actor, for intermediaries between the pool and its callers: if that actor ends,
    // the statement is dropped from the queue, or stopped on the server.
    caf::result<result>(execute_atom, statement, caf::strong_actor_ptr),

    // Runs all statements in one transaction, and commits. Answers one result per statement. If anything fails, nothing
    // has taken effect, unless the outcome is `unknown`; `failure::statement_index` names the statement that failed.
    caf::result<std::vector<result>>(transact_atom, transaction),

    // The same on behalf of another actor.
    caf::result<std::vector<result>>(transact_atom, transaction, caf::strong_actor_ptr),

    // Checks out a session: a connection for the sender's exclusive use, oldest request first. It ends with `checkin`,
    // at its time limit, or with its holder; an open transaction is then rolled back. Later messages for it are refused
    // (`session_ended`), and so is every message from an actor other than the holder, whether it knows the id or not.
    // A session that its holder has not used once within `unclaimed_session_timeout` ends as well: the answer may have
    // arrived after the caller had given up.
    caf::result<session_id>(checkout_atom, session_options),

    // The same for another holder: the answer goes to the sender, but the session belongs to the given actor.
    caf::result<session_id>(checkout_atom, session_options, caf::strong_actor_ptr),

    // Returns the connection once the session's earlier requests are done. An open transaction is rolled back, and the
    // state of the session is reset.
    caf::result<void>(checkin_atom, session_id),

    // The operations of a session, carried out one after the other. `begin` fails if a transaction is open already;
    // with a name, `savepoint` and `rollback` refer to that savepoint. Inside a transaction that was begun this way,
    // SQL that only begins or ends one (COMMIT, ROLLBACK, BEGIN, START TRANSACTION) is refused: `invalid_statement`.
    //
    // A transaction may end without a request to end it. If the server has certainly undone it (a deadlock; `lock_wait`
    // with `innodb_rollback_on_timeout`), the statement fails as `rolled_back`. If it may have been committed (DDL,
    // LOCK TABLES, a procedure with COMMIT, even one that begins another transaction), the statement fails as
    // `transaction_ended`, `unknown`, though it may have run. Either way all further requests, `commit` included, are
    // refused with that failure until `rollback` or another `begin`. After `lock_wait` without that option the
    // transaction is still open.
    //
    // If the connection is lost, its open transaction is `rolled_back`, and so are later requests for the session
    // (`session_ended`); but the outcome of a COMMIT is `unknown`. A statement's time limit counts from its arrival: if
    // it passes before earlier requests are done, the statement is not sent (`statement_timeout`, `not_sent`).
    caf::result<result>(execute_atom, session_id, statement),
    caf::result<void>(begin_atom, session_id, transaction_options), caf::result<void>(commit_atom, session_id),
    caf::result<void>(rollback_atom, session_id), caf::result<void>(savepoint_atom, session_id, std::string),
    caf::result<void>(rollback_atom, session_id, std::string),

    // Hands the session over to another actor, its holder from then on: later requests of the former holder are
    // refused, earlier ones are carried out. The new holder has to use it once within `unclaimed_session_timeout`.
    caf::result<void>(handover_atom, session_id, caf::strong_actor_ptr),

    // Excludes the session's connection from reuse: when the session ends, the connection is closed and replaced.
    caf::result<void>(evict_atom, session_id),

    // Makes one round trip to the server. Unlike `execute` it does not wait for a server that is down: it answers
    // `connect_failed` as soon as a connect fails while no connection is open.
    caf::result<verification>(verify_atom),

    // The state and the counters of the pool at this moment.
    caf::result<pool_status>(status_atom),

    // The state of each connection and each session. Takes a round trip to every connection's actor, none to the
    // server.
    caf::result<pool_details>(details_atom),

    // The statements that have taken the most time since the pool began, at most 200 of them, the costliest first.
    // None if `statement_statistics` is off. When there are 1000 digests, the cheaper half is forgotten.
    caf::result<std::vector<statement_summary>>(statements_atom),

    // Ends a session of any holder, as if that had ended: its statement is stopped, its transaction rolled back.
    // Further requests of its holder fail: `session_ended`. For operators. Error: `session_ended` if there is no such
    // session.
    caf::result<void>(kill_atom, session_id),

    // The settings that the pool works with.
    caf::result<effective_settings>(settings_atom),

    // Applies new settings. All of them are checked before anything is changed; error: `invalid_setting`. These cannot
    // change while the pool runs: `pool.name`, `pool.pipeline_depth`, `pool.io_threads`, the budget, and the server's
    // address. The new timeout also applies to waiting requests. If anything about logging in has changed, new
    // connections use it, and the old ones are replaced one by one without disturbing callers: those in use when they
    // are returned. Only within a process. A retrier applies its own settings as well.
    caf::result<void>(reconfigure_atom, settings_update),

    // Replaces all connections: those in use when they are returned, the others now.
    caf::result<void>(dispose_atom),

    // Pauses: no further request is granted a connection. Requests that have one continue, sessions included; once the
    // status shows no connection checked out, the pool is at rest. New requests wait as long as they would for a
    // connection (their own time limit and the pool's `timeout`), whether or not the server is up; `verify` fails at
    // once. A pool that shuts down cannot be paused, and a drain ends a pause.
    caf::result<void>(pause_atom),

    // Ends a pause; earlier failed connects no longer count. Does nothing if the pool is not paused.
    caf::result<void>(resume_atom),

    // Subscribes the sender to the pool's events: it is sent `pool_events` as requests, one at a time, and has to
    // answer each (a handler that returns nothing does). Events until then come with the next one; a slow
    // subscriber loses the oldest and learns how many. A subscription ends with `unsubscribe`, with the subscriber, or
    // when it answers with an error. At most 100 subscribers, further ones are refused: `queue_full`.
    caf::result<void>(subscribe_atom), caf::result<void>(unsubscribe_atom),

    // The same on behalf of another actor.
    caf::result<void>(subscribe_atom, caf::strong_actor_ptr),
    caf::result<void>(unsubscribe_atom, caf::strong_actor_ptr),

    // Shuts down: refuses new requests (`shutting_down`), serves accepted ones for up to the given time, then fails the
    // rest, closes all connections, answers and ends. Zero or less: cuts at once. More than a century: waits for as
    // long as it takes. Asking again can only shorten the time.
    caf::result<drain_report>(drain_atom, caf::timespan)>;

} // namespace cenote
