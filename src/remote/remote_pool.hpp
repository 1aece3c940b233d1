#pragma once

#include "cenote/actors.hpp"
#include "net/endpoint.hpp"
#include "net/link.hpp"
#include "net/tls_identity.hpp"
#include "node/remote_core.hpp"
#include "runtime/io_thread.hpp"

#include <caf/fwd.hpp>

#include <optional>
#include <string>
#include <vector>

namespace cenote::remote {

/// How a client shows itself to nodes, and how it finds out that they are gone.
struct client_rules {
  std::string name;
  std::string token; ///< Empty: none.
  net::heartbeat_rules heartbeat;
  std::optional<net::tls_identity> identity; ///< Nothing: no TLS.
};

/// Starts the actor that stands for pool nodes. Its decisions are in `node::remote_core`. Lives on an I/O thread.
pool_actor spawn_remote_pool(caf::actor_system& sys, const io_thread_ptr& thread, client_rules rules,
                             std::vector<net::endpoint> nodes, const node::remote_core::rules& limits, uint64_t seed);

} // namespace cenote::remote
