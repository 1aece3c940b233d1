#pragma once

#include "cenote/actors.hpp"
#include "cenote/node_status.hpp"
#include "cenote/settings.hpp"

#include <caf/fwd.hpp>
#include <caf/timespan.hpp>
#include <caf/typed_actor.hpp>

#include <cstdint>

namespace cenote {

/// A pool node: publishes the pool of this process to clients in other processes.
using node_actor = caf::typed_actor<
    // Its state, and its clients.
    caf::result<node_status>(status_atom),

    // Tells the clients to go to another node, takes no new ones, answers the requests that were accepted for up to the
    // given time, then ends the sessions of its clients and closes the connections. Answers and ends. The pool stays.
    caf::result<void>(drain_atom, caf::timespan)>;

/// A pool node that listens.
struct published_pool {
  node_actor node;   ///< It ends with the pool, by `drain_atom`, or by an exit message, which cuts.
  uint16_t port = 0; ///< Where it listens, if the settings left that open.
};

/// Publishes a pool, or a retrier, to other processes: they reach it by `connect`. What clients may do: run statements,
/// transactions and sessions, within their quotas; read status, details and events. Nobody may drain the pool or change
/// its settings from outside.
/// @throws configuration_error if a setting is out of range, or a file cannot be used: the certificate has expired, is
///         not signed by the CA or does not belong to the key, ...; or if the address cannot be listened on.
published_pool spawn_node(caf::actor_system& sys, pool_actor pool, const node_settings& rules);

/// The pool of another process, to be used like one of this process. Returns at once; the connection is made, kept and
/// replaced in the background, and is encrypted if certificate, key and CA are given.
///
/// Every request is answered in its time. One that has not been sent waits for a node for up to `remote.timeout`, then
/// fails with `connect_failed`. If a node is lost, what it was sent fails as `pool_gone`, `unknown`; in a transaction
/// of a session before its COMMIT, as `rolled_back`; and its sessions have ended (`session_ended`). `spawn_retrier`
/// decorates it like any pool.
///
/// Its `drain` ends it, not the pool of the other process. `dispose`, `pause`, `resume` and `kill` need the admin token
/// of the node; `reconfigure` is refused. It ends by `drain`, by an exit message, or some seconds after its last handle
/// is gone.
/// @throws configuration_error as `spawn_node` does.
pool_actor connect(caf::actor_system& sys, const remote_settings& nodes);

} // namespace cenote
