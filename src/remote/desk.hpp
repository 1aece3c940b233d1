#pragma once

#include "actors/messages.hpp"
#include "net/link.hpp"
#include "node/fair_gate.hpp"
#include "runtime/io_thread.hpp"
#include "runtime/socket_watch.hpp"

#include <caf/fwd.hpp>
#include <caf/typed_actor.hpp>

#include <memory>

namespace cenote::remote {

struct node_context;

/// Serves one client of a pool node: speaks with it over its connection, and asks the pool on its behalf. Lives on the
/// I/O thread of its node. Ends with the connection; what the client had then ends, too.
using desk_actor = caf::typed_actor<
    // The socket became ready.
    caf::result<void>(ready_atom, bool, bool),

    // A request that waited for its turn may go to the pool.
    caf::result<void>(granted_atom, uint64_t, uint8_t),

    // An answer has been encoded elsewhere, because it is large.
    caf::result<void>(encoded_atom, uint64_t, net::blob),

    // The node takes no new requests: ends once the client has nothing left here.
    caf::result<void>(close_atom),

    // The sessions that existed in the pool after it was asked for the n-th time: others, older ones, have ended.
    caf::result<void>(details_atom, std::vector<session_id>, uint64_t),

    // Events of the pool, for the client.
    caf::result<void>(pool_events),

    // A notice on this channel, for the client.
    caf::result<void>(notify_atom, std::string)>;

/// Starts one for a connection that has been accepted.
/// @param socket a duplicate of the link's.
desk_actor spawn_desk(caf::actor_system& sys, const io_thread_ptr& thread, std::shared_ptr<node_context> shared,
                      node::client_id id, pool_actor pool, net::link connection, descriptor socket);

} // namespace cenote::remote
