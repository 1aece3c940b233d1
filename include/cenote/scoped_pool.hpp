#pragma once

#include "cenote/actors.hpp"
#include "cenote/settings.hpp"

#include <caf/fwd.hpp>

namespace cenote {

/// Owns a pool and ends it: a pool that nobody ends keeps the actor system from shutting down. Declare it after the
/// actor system, and before the `scoped_actor`s that use it:
///
///     caf::actor_system sys{cfg};
///     cenote::scoped_pool pool{sys, settings};
///     caf::scoped_actor self{sys};
///     self->request(pool.handle(), caf::infinite, cenote::execute_atom_v, cenote::read("SELECT 1")).receive(...);
///
/// For non-actor threads. Actors that have been given the handle must be done with it before the owner goes: their
/// later requests are refused (`shutting_down`).
class scoped_pool {
public:
  /// Starts a pool and a retrier before it; `handle` is the retrier. `config.log` is ignored.
  /// @throws what `spawn_pool` throws.
  scoped_pool(caf::actor_system& sys, const settings& config);

  /// Starts a pool alone.
  /// @throws what `spawn_pool` throws.
  scoped_pool(caf::actor_system& sys, const server_settings& server, const pool_settings& rules = {});

  /// A moved-from object owns nothing; its handles are null.
  scoped_pool(scoped_pool&& from) noexcept;

  /// Ends the pool that it has owned so far.
  scoped_pool& operator=(scoped_pool&& from) noexcept;

  /// Closes.
  ~scoped_pool();

  /// The actor to send requests to: the retrier if there is one, otherwise the pool.
  const pool_actor& handle() const noexcept { return front_ ? front_ : pool_; }

  /// The pool itself.
  const pool_actor& pool() const noexcept { return pool_; }

  /// `handle`, so that it can stand where a pool is wanted.
  operator const pool_actor&() const noexcept { return handle(); }

  /// Shuts the pool down: it refuses new requests and has its setting `drain_timeout` to serve those that it has
  /// accepted; returns when it is closed. Returns at once if that was done already, if the pool has ended otherwise, or
  /// in a thread that runs actors: there the pool ends in the background. Connects still under way may take up to
  /// `connect_timeout` more, for which the actor system waits.
  /// @returns the numbers of accepted requests that were finished and cut.
  drain_report close() noexcept;

private:
  caf::actor_system* sys_ = nullptr;
  pool_actor pool_;
  pool_actor front_;
  caf::timespan drain_timeout_;
};

} // namespace cenote
