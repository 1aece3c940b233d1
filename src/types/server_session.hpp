#pragma once

#include <cstdint>
#include <string>

namespace cenote {

/// Which server, and which of its lifetimes: session ids begin anew when it restarts.
struct server_identity {
  std::string instance; ///< What sets it apart from others; empty if that is not known.
  int64_t started = 0;  ///< Seconds since 1970, by its own clock.

  bool operator==(const server_identity&) const = default;
};

/// A session on a server, and what proves that another session talks to the same server. Whoever stops or ends it must
/// make sure first: the id alone may belong to a stranger on another server behind the same address.
struct server_session {
  uint64_t id = 0; ///< What `KILL` and the process list call it.
  server_identity server;
  std::string client; ///< Its user and address in the process list: `app@10.0.0.7:40112`.

  bool operator==(const server_session&) const = default;
};

} // namespace cenote
