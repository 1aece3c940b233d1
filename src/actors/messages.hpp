#pragma once

#include "cenote/actors.hpp"
#include "connection/connection_view.hpp"
#include "connection/grant.hpp"
#include "net/frame.hpp"
#include "types/connection_id.hpp"
#include "types/server_session.hpp"

#include <caf/actor_control_block.hpp>
#include <caf/timespan.hpp>
#include <caf/type_id.hpp>
#include <caf/typed_actor.hpp>

#include <cstdint>
#include <memory>
#include <string>

// The messages between the pool, its connections and their helpers. They never travel over the network.

namespace cenote {
struct opened;
struct connection_report;
struct budget_report;
} // namespace cenote

// Not a part of the network protocol: nodes need not agree. Behind the block of the public types, with room for those
// to come.
CAF_BEGIN_TYPE_ID_BLOCK(cenote_internal, caf::first_custom_type_id + 400)

CAF_ADD_TYPE_ID(cenote_internal, (cenote::connection_id))
CAF_ADD_TYPE_ID(cenote_internal, (cenote::grant))
CAF_ADD_TYPE_ID(cenote_internal, (cenote::opened))
CAF_ADD_TYPE_ID(cenote_internal, (cenote::released))
CAF_ADD_TYPE_ID(cenote_internal, (cenote::session_command))
CAF_ADD_TYPE_ID(cenote_internal, (cenote::server_session))
CAF_ADD_TYPE_ID(cenote_internal, (std::shared_ptr<const cenote::server_settings>))
CAF_ADD_ATOM(cenote_internal, cenote, opened_atom)
CAF_ADD_ATOM(cenote_internal, cenote, open_failed_atom)
CAF_ADD_ATOM(cenote_internal, cenote, released_atom)
CAF_ADD_ATOM(cenote_internal, cenote, returned_atom)
CAF_ADD_ATOM(cenote_internal, cenote, ping_atom)
CAF_ADD_ATOM(cenote_internal, cenote, close_atom)
CAF_ADD_ATOM(cenote_internal, cenote, ready_atom)
CAF_ADD_ATOM(cenote_internal, cenote, check_caller_atom)
CAF_ADD_ATOM(cenote_internal, cenote, stop_atom)
CAF_ADD_ATOM(cenote_internal, cenote, end_atom)
CAF_ADD_ATOM(cenote_internal, cenote, done_atom)
CAF_ADD_ATOM(cenote_internal, cenote, requeue_atom)
CAF_ADD_ATOM(cenote_internal, cenote, requeued_atom)
CAF_ADD_ATOM(cenote_internal, cenote, leaked_atom)
CAF_ADD_TYPE_ID(cenote_internal, (cenote::connection_report))
CAF_ADD_TYPE_ID(cenote_internal, (cenote::net::blob))
CAF_ADD_TYPE_ID(cenote_internal, (std::vector<cenote::session_id>))
CAF_ADD_ATOM(cenote_internal, cenote, granted_atom)
CAF_ADD_ATOM(cenote_internal, cenote, encoded_atom)
CAF_ADD_ATOM(cenote_internal, cenote, decoded_atom)
CAF_ADD_ATOM(cenote_internal, cenote, resolved_atom)
CAF_ADD_TYPE_ID(cenote_internal, (cenote::budget_report))
CAF_ADD_ATOM(cenote_internal, cenote, budget_atom)
CAF_ADD_ATOM(cenote_internal, cenote, listen_atom)
CAF_ADD_ATOM(cenote_internal, cenote, notify_atom)

CAF_END_TYPE_ID_BLOCK(cenote_internal)

namespace cenote {

/// The state of a connection, for operators.
struct connection_report {
  connection_view view;
  uint64_t answered = 0; ///< Requests.
};

/// A connection: owns one session with the server. A broker on an I/O thread; never blocks it.
using connection_actor = caf::typed_actor<
    // Does the work for this caller, after the work that it was given before, and answers the client, for which the
    // pool delegates, with the result that belongs to its request. If the connection turns out to be dead before
    // anything was sent, it hands the grant back to the pool with `returned`.
    caf::result<result>(execute_atom, grant, caf::strong_actor_ptr),

    // Its first statement is slow: hands those behind it back to the pool with `requeued`, if it does no harm that
    // they may also run here.
    caf::result<void>(requeue_atom),

    // Runs the command for the holder of the session, after its earlier requests.
    caf::result<result>(execute_atom, session_command),

    // The session has ended: it was checked in, and ends after the earlier requests of its holder, or its holder has
    // ended, and it ends at once.
    caf::result<void>(checkin_atom, session_id),

    // The session belongs to another holder, which has sent nothing yet.
    caf::result<void>(handover_atom, session_id, caf::strong_actor_ptr),

    // When this session ends, the connection is closed.
    caf::result<void>(evict_atom, session_id),

    // The session ends at once, on behalf of an operator.
    caf::result<void>(kill_atom, session_id),

    // Its state.
    caf::result<connection_report>(details_atom),

    // Pings the server, then reports `released`.
    caf::result<void>(ping_atom),

    // The statement has been running for a while: if its caller has ended meanwhile, it is stopped on the server.
    caf::result<void>(check_caller_atom),

    // Closes the connection and ends. A statement still running is answered first: `unknown`.
    caf::result<void>(close_atom),

    // The socket became ready.
    caf::result<void>(ready_atom, bool, bool)>;

/// Stops on the server the statements of a pool's sessions. Only on the server of these sessions: behind a balancer, or
/// after a change of the address behind a name, the same id belongs to another client.
using canceller_actor = caf::typed_actor<
    // Stops the statement that this session runs. Answered when the server has confirmed it, or with an error if that
    // is impossible, or if the session's own server is not found; its outcome is `unknown` if the stop may have been
    // sent.
    caf::result<void>(stop_atom, server_session),

    // Ends that session, now or as soon as its server can be reached, if it still exists then.
    caf::result<void>(end_atom, server_session),

    // From now on, it logs in with these settings; a session that it has open remains.
    caf::result<void>(reconfigure_atom, std::shared_ptr<const server_settings>),

    // Its own thread is done.
    caf::result<void>(done_atom)>;

/// A connection that is ready for use.
struct opened {
  connection_actor connection;
  uint64_t server_connection_id = 0;
  std::string server_version;
};

/// The numbers of a pool that a budget is about.
struct budget_report {
  uint64_t open = 0;   ///< Connections of any kind, those being opened and closed included.
  uint64_t needed = 0; ///< Connections in use, and callers that wait.
};

/// A pool, a retrier or a remote pool with the messages by which those who share it, in any process, tell each other
/// that something has happened. Such notices are hints: they may be lost.
using notifying_pool_actor = pool_actor::extend<
    // This actor is sent `notify_atom` with the channel of each notice from now on, until it ends. Error: `queue_full`.
    caf::result<void>(listen_atom, caf::strong_actor_ptr),

    // Tells all listeners but the given actor.
    caf::result<void>(notify_atom, std::string, caf::strong_actor_ptr)>;

/// The pool with the messages that its own connections send.
using internal_pool_actor = notifying_pool_actor::extend<
    // `execute` for callers that do not wait for a server that is down.
    caf::result<result>(verify_atom, statement),

    // A connect has succeeded, or has failed.
    caf::result<void>(opened_atom, connection_id, opened), caf::result<void>(open_failed_atom, connection_id, failure),

    // The use of a connection has ended.
    caf::result<void>(released_atom, connection_id, released),

    // A session has been held for longer than `leak_warning`; with its last statement.
    caf::result<void>(leaked_atom, session_id, caf::timespan, std::string),

    // Work that a dead connection could not begin: it returns to the head of the queue.
    caf::result<result>(returned_atom, connection_id, grant, caf::strong_actor_ptr, std::string),

    // Work that waits on its connection behind a slow statement: likewise.
    caf::result<result>(requeued_atom, connection_id, grant, caf::strong_actor_ptr),

    // From its budget agent: the connections that it may have from now on, at least 1. Answers what it has then.
    caf::result<budget_report>(budget_atom, uint64_t),

    // From the same: checks out a session before all requests that wait, if there is a server and no pause. It is not
    // counted as served.
    caf::result<session_id>(budget_atom, session_options)>;

} // namespace cenote

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(cenote::net::blob)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(cenote::grant)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(cenote::session_command)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(cenote::opened)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(cenote::connection_report)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(cenote::budget_report)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(cenote::released)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(cenote::connection_id)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(cenote::server_session)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::shared_ptr<const cenote::server_settings>)
