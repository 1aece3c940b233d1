#pragma once

#include "cenote/failure.hpp"
#include "cenote/session.hpp"
#include "cenote/statement.hpp"
#include "cenote/transaction.hpp"
#include "types/connection_id.hpp"
#include "types/time.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

namespace cenote {

using time_point = std::chrono::steady_clock::time_point;

/// The terms of a new session.
struct lease {
  session_id id{};
  session_options options;
  std::chrono::nanoseconds leak_warning{0};      ///< Zero: none.
  std::chrono::nanoseconds unclaimed_timeout{0}; ///< Longest time until its first use; zero: none.
  size_t max_waiting = SIZE_MAX;                 ///< Requests of its holder that may wait at a time.
};

/// A request of a session's holder.
struct session_command {
  enum class action : uint8_t { execute, begin, commit, rollback, savepoint, rollback_to };
  session_id session{};
  action kind = action::execute;
  statement text;              ///< For `execute`.
  transaction_options options; ///< For `begin`.
  std::string savepoint;       ///< For `savepoint` and `rollback_to`.
};

/// The work that a connection is granted for.
using work_item = std::variant<statement, transaction, lease>;

/// A caller's request, on its whole way: in the pool's queue, on a connection, and back in the queue.
struct work_request {
  work_item work;
  time_point accepted;                     ///< When the pool got it; decides its place in the queue if it is requeued.
  time_point deadline = time_point::max(); ///< Its own deadline; `time_point::max()` if it has none.
  uint32_t attempts = 0;                   ///< Number of grants so far.
  bool fail_fast = false;                  ///< A `verify`: does not wait for a server that is down.
  bool shareable = false;                  ///< A statement that may use a connection beside others.
  bool maybe_executed = false;             ///< It was sent before: it may have run.
};

/// A request that was granted a connection.
struct grant {
  work_request request;
  liveness_check check = liveness_check::peek;
  /// The latest time for it to begin: a frozen server, or an earlier statement on its connection, must not hold up a
  /// caller for longer than the queue would.
  time_point latest_start = time_point::max();
  std::chrono::nanoseconds waited{0};
  uint64_t caller = 0; ///< Distinguishes callers; zero: unknown.
};

/// How a session has ended, for late requests.
struct session_end {
  session_id id{};
  std::string reason;
  cenote::outcome outcome = cenote::outcome::rejected; ///< Of late requests.
};

/// A connection's report that requests have ended, or that it is gone.
struct released {
  cenote::disposition disposition = cenote::disposition::reusable;
  std::string reason;                   ///< Why it is gone.
  uint32_t ended = 1;                   ///< Requests that have ended since the last report.
  uint32_t requeued = 0;                ///< Others that have left it since: requeued, or their caller has ended.
  uint32_t stopped = 0;                 ///< Statements that it has had the server stop since.
  std::optional<session_end> session{}; ///< A session that has ended by itself since then.
};

} // namespace cenote
