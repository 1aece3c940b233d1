#pragma once

#include "cenote/actors.hpp"
#include "cenote/settings.hpp"

#include <caf/fwd.hpp>

namespace cenote {

/// Prepares the process: registers cenote's and CAF's message types and initialises Connector/C, which sets SIGPIPE to
/// be ignored. Call it once, at the start of `main`, before any actor system or its configuration is made. The
/// application registers its own message types itself. If nobody has registered CAF's types, the constructor of
/// `caf::actor_system` aborts the process, before any code of cenote's runs; `spawn_pool` reports every other omission.
void init();

/// Starts a pool. Returns at once; the connections are opened in the background, `pool.max_connecting` at a time.
///
/// A `scoped_pool` ends it by itself. Otherwise end it with `drain_atom`, or by sending it an exit message, which cuts
/// running statements: a pool that is not ended keeps `actor_system` from shutting down. When no handle to the pool is
/// left and it has nothing to do, it logs that and ends: this takes some seconds, and half a minute after much work.
/// Every holder of a handle (an actor, a published port) keeps the pool alive.
/// @param sys must have the module `caf::io::middleman` loaded: see `actor_system_config`.
/// @param server the server's address, and the account to log in as.
/// @param rules the pool's settings; see `check` for their ranges.
/// @throws configuration_error if a setting is out of range, naming it; std::invalid_argument without the middleman;
///         std::logic_error if `init` was not called.
pool_actor spawn_pool(caf::actor_system& sys, const server_settings& server, const pool_settings& rules = {});

/// Decorates a pool: repeats requests that failed where that is safe, after a growing delay. Reads and idempotent
/// writes are repeated after `outcome::unknown`; every statement after `not_sent`, `rolled_back` and `unavailable`
/// (except while shutting down); nothing after `rejected`. A statement's `timeout` bounds all its attempts together.
/// Without one, errors of a full pool (`acquire_timeout`, `queue_full`, `overloaded`) are final: the request has waited
/// for as long as the pool's settings allow.
///
/// It ends with the pool, and lives on the same I/O thread if that is one of this actor system, otherwise on CAF's
/// scheduler. `drain`, `dispose`, `status` and `verify` are passed on.
pool_actor spawn_retrier(caf::actor_system& sys, pool_actor pool, const retry_settings& rules = {});

} // namespace cenote
