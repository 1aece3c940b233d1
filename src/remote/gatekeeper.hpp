#pragma once

#include "cenote/node.hpp"
#include "net/listener.hpp"
#include "net/tls_identity.hpp"
#include "remote/node_context.hpp"
#include "runtime/io_thread.hpp"

#include <caf/fwd.hpp>

#include <memory>
#include <optional>

namespace cenote::remote {

/// Starts the actor that takes the connections of clients, and gives each a desk. Lives on an I/O thread.
node_actor spawn_gatekeeper(caf::actor_system& sys, const io_thread_ptr& thread, std::shared_ptr<node_context> shared,
                            pool_actor pool, net::listener socket, std::optional<net::tls_identity> identity);

} // namespace cenote::remote
