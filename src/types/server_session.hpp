#pragma once

#include <cstdint>
#include <string>

namespace cenote {

/// Identifies a server and its current run: session ids start again when it restarts.
struct server_identity {
  std::string instance; ///< Distinguishes it from other servers; empty if unknown.
  int64_t started = 0;  ///< Seconds since 1970, by its own clock.

  bool operator==(const server_identity&) const = default;
};

/// A session on a server, with the evidence needed to check that another session talks to the same server. This must be
/// checked before stopping or ending it: on another server behind the same address, the id may belong to someone else.
struct server_session {
  uint64_t id = 0; ///< Its id for `KILL` and in the process list.
  server_identity server;
  std::string client; ///< Its user and address in the process list: `app@10.0.0.7:40112`.

  bool operator==(const server_session&) const = default;
};

} // namespace cenote
