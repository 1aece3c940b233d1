#pragma once

#include <cstdint>

namespace cenote {

/// Identifies a connection of a pool. Never reused.
enum class connection_id : uint64_t {};

/// The check of a connection before it runs a statement.
enum class liveness_check : uint8_t {
  none, ///< Nothing.
  peek, ///< Checks the socket; no round trip.
  ping, ///< Checks the socket, then makes a round trip.
};

/// What happens to a connection after a use.
enum class disposition : uint8_t {
  reusable, ///< Healthy.
  lost,     ///< The server or the network ended it.
  broken,   ///< cenote gave it up: statement timeout, oversized result, protocol error.
  demoted,  ///< The server has become read-only: all connections to it are unusable for writing.
  suspect,  ///< Apparently healthy, but statements of several requests in a row have failed on it for no fault of their
            ///< own: a new connection may do better.
  evicted,  ///< The holder of its session has excluded it from reuse.
};

} // namespace cenote
