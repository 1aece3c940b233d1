#pragma once

#include <cstdint>

namespace cenote {

/// Names a connection of a pool. Never reused.
enum class connection_id : uint64_t {};

/// What a connection does before it runs a statement.
enum class liveness_check : uint8_t {
  none, ///< Nothing.
  peek, ///< Looks at the socket; no round trip.
  ping, ///< Looks at the socket, then makes a round trip.
};

/// What becomes of a connection after a use.
enum class disposition : uint8_t {
  reusable, ///< Healthy.
  lost,     ///< The server or the network ended it.
  broken,   ///< cenote gave it up: statement timeout, oversized result, protocol error.
  demoted,  ///< The server has become read-only: all connections to it are of no use for writing.
  suspect,  ///< In order as far as is known, but statements of several requests in turn have failed on it in ways that
            ///< statements do not deserve: a new one may do better.
  evicted,  ///< The holder of its session does not want it to be used again.
};

} // namespace cenote
