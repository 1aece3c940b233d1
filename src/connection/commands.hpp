#pragma once

#include "cenote/result.hpp"
#include "connection/grant.hpp"

#include <string>
#include <variant>
#include <vector>

namespace cenote::connection_command {

/// Identifies a request that waits for an answer. Chosen by the actor, unique for each request.
enum class ticket : uint64_t {};

/// Answer the request: with its result, or a failure; empty for a request without a result.
struct answer {
  ticket to;
  std::variant<std::monostate, result, std::vector<result>, session_id, failure> content;
};

/// The connection was dead before anything was sent: the request needs another connection.
struct return_grant {
  ticket of;
  grant work;
  std::string reason;
};

/// The request has not begun, or is superseded: it is requeued.
struct requeue_grant {
  ticket of;
  grant work;
};

/// Report to the pool. If the disposition is not `reusable`, the connection is gone for the pool.
struct report {
  released content;
};

/// Have the server stop the running statement; then `stop_confirmed` or `stop_failed`.
struct stop_statement {};

/// Have the server end the session, whatever it does: no client is connected to it any more.
struct end_server_session {};

/// The session has been held for longer than `leak_warning`.
struct warn_of_leak {
  session_id session;
  std::string owner;
  std::chrono::nanoseconds held;
  std::string last_statement;
};

/// The session was ended because its holder had not used it once in time.
struct warn_of_unclaimed {
  session_id session;
  std::string owner;
  std::chrono::nanoseconds limit;
};

} // namespace cenote::connection_command

namespace cenote {

using connection_command::ticket;

/// The commands of a connection core, to be carried out in this order.
using connection_commands = std::vector<
    std::variant<connection_command::answer, connection_command::return_grant, connection_command::requeue_grant,
                 connection_command::report, connection_command::stop_statement, connection_command::end_server_session,
                 connection_command::warn_of_leak, connection_command::warn_of_unclaimed>>;

} // namespace cenote
