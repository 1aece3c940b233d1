#pragma once

#include "connection/exclusive_work.hpp"

#include <optional>
#include <variant>

/// The activity of a connection. Each state holds the data that exists only in it.
namespace cenote::activity {

/// Waiting for work.
struct idle {};

/// A ping, or another attempt to select the database, before work.
struct checking {
  std::optional<held_grant> first; ///< Empty: the check is for shared statements, or its request has left.
};

/// A step of a request.
struct running {
  exclusive_work work;
};

/// Statements that are sent one behind the other.
struct sharing {};

/// Waiting for the next request of the session's holder.
struct leased {};

/// Stopping a statement whose caller has been answered, or is gone: the server has been asked to stop it.
struct stopping {
  bool for_first = true;  ///< With shared statements: the stop is meant for the statement that is first now.
  bool over = false;      ///< All statements sent have been answered.
  bool confirmed = false; ///< No later statement can be hit.
  bool succeeded = false; ///< The step was done before it could be stopped.
  std::optional<client_request> work; ///< Of a session that continues.
};

/// A keepalive ping, or one that absorbs a stop that came too late.
struct pinging {
  bool succeeded = false;             ///< See `stopping`.
  std::optional<client_request> work; ///< Of a session that continues.
};

/// The connection is being brought back into its initial state.
struct resetting {};

/// The connection has ended; this has been reported to the pool, which will close it.
struct gone {};

using state = std::variant<idle, checking, running, sharing, leased, stopping, pinging, resetting, gone>;

} // namespace cenote::activity
