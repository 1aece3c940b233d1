#pragma once

#include "connection/exclusive_work.hpp"

#include <optional>
#include <variant>

/// What a connection is doing. Each state holds what only exists in it.
namespace cenote::activity {

/// Waiting for work.
struct idle {};

/// A ping, or another attempt to select the database, before work.
struct checking {
  std::optional<held_grant> first; ///< Empty: it is for those that share the connection, or nobody any more.
};

/// A step of a job.
struct running {
  exclusive_work work;
};

/// Statements that are sent one behind the other.
struct sharing {};

/// Waiting for what the holder of the session wants next.
struct leased {};

/// A statement whose caller has been answered, or is gone: the server has been told to stop it.
struct stopping {
  bool for_first = true;   ///< Of those that share the connection: the stop is meant for the one that is first now.
  bool over = false;       ///< All that was sent has been answered.
  bool confirmed = false;  ///< No later statement can be hit.
  bool succeeded = false;  ///< The step was done sooner than it could be stopped.
  std::optional<job> work; ///< Of a session that goes on.
};

/// A keepalive ping, or one that absorbs a stop that came too late.
struct pinging {
  bool succeeded = false;  ///< See `stopping`.
  std::optional<job> work; ///< Of a session that goes on.
};

/// The connection is brought back into its first state.
struct resetting {};

/// The connection has ended; the pool has been told, and will close it.
struct gone {};

using state = std::variant<idle, checking, running, sharing, leased, stopping, pinging, resetting, gone>;

} // namespace cenote::activity
