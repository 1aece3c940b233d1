#pragma once

#include "actors/messages.hpp"
#include "runtime/io_thread.hpp"

#include <caf/fwd.hpp>
#include <caf/typed_actor.hpp>

namespace cenote::remote {

/// Stands, at a pool node, for an actor of a client that holds sessions: for the pool, it is their holder. When it
/// ends, the pool takes them back.
using guest_actor = caf::typed_actor<
    caf::result<session_id>(checkout_atom, session_options), caf::result<void>(checkin_atom, session_id),
    caf::result<result>(execute_atom, session_id, statement),
    caf::result<void>(begin_atom, session_id, transaction_options), caf::result<void>(commit_atom, session_id),
    caf::result<void>(rollback_atom, session_id), caf::result<void>(savepoint_atom, session_id, std::string),
    caf::result<void>(rollback_atom, session_id, std::string),
    caf::result<void>(handover_atom, session_id, caf::strong_actor_ptr), caf::result<void>(evict_atom, session_id),

    // No further requests come: it ends once all are answered.
    caf::result<void>(close_atom)>;

/// Starts one on an I/O thread.
guest_actor spawn_guest(caf::actor_system& sys, const io_thread_ptr& thread, pool_actor pool);

} // namespace cenote::remote
