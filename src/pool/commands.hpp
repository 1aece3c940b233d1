#pragma once

#include "cenote/events.hpp"
#include "cenote/failure.hpp"
#include "pool/request.hpp"
#include "types/connection_id.hpp"

#include <variant>
#include <vector>

namespace cenote::pool {

/// Start opening a connection; report `opened` or `open_failed`.
struct open_connection {
  connection_id id;
  size_t server; ///< Which of the pool's servers.
  bool operator==(const open_connection&) const = default;
};

/// Why a connection is closed that was released like this.
constexpr close_reason reason_of(disposition kind) {
  switch (kind) {
  case disposition::lost:
    return close_reason::lost;
  case disposition::demoted:
    return close_reason::demoted;
  case disposition::evicted:
    return close_reason::evicted;
  case disposition::broken:
  case disposition::suspect:
  case disposition::reusable:
    break;
  }
  return close_reason::broken;
}

/// Close a connection; report `closed`.
struct close_connection {
  connection_id id;
  close_reason reason;
  bool operator==(const close_connection&) const = default;
};

/// Ping an idle connection; report `released`.
struct ping_connection {
  connection_id id;
  bool operator==(const ping_connection&) const = default;
};

/// A connection has been in use for a while: check whether its caller still exists.
struct check_caller {
  connection_id id;
  bool operator==(const check_caller&) const = default;
};

/// A statement on this connection is slow: report `requeued` for each request that waits behind it and may just as well
/// run elsewhere.
struct requeue {
  connection_id id;
  bool operator==(const requeue&) const = default;
};

/// Run a request on a connection, after those that it already has; report `released` or `returned`.
struct grant_connection {
  request_id request;
  connection_id connection;
  liveness_check check;
  duration waited;
  bool operator==(const grant_connection&) const = default;
};

/// Answer a request with an error.
struct fail_request {
  request_id request;
  cenote::failure failure;
  bool operator==(const fail_request&) const = default;
};

/// Everything is closed: answer those who asked for the drain, and end.
struct finish {
  bool operator==(const finish&) const = default;
};

/// The work of the pool actor, in this order.
using command = std::variant<open_connection, close_connection, ping_connection, check_caller, requeue,
                             grant_connection, fail_request, finish>;
using commands = std::vector<command>;

} // namespace cenote::pool
