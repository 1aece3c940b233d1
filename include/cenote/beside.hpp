#pragma once

#include "cenote/actors.hpp"
#include "cenote/detail/resident.hpp"

#include <caf/actor_config.hpp>
#include <caf/actor_system.hpp>
#include <caf/blocking_actor.hpp>
#include <caf/detail/init_fun_factory.hpp>
#include <caf/infer_handle.hpp>
#include <caf/spawn_options.hpp>

#include <algorithm>
#include <chrono>
#include <concepts>
#include <memory>
#include <utility>

namespace cenote {

namespace detail {

/// The I/O thread on which the actor behind a pool's handle lives.
/// @returns null if it lives on none of this process.
std::shared_ptr<io_thread> io_thread_of(const pool_actor& pool);

caf::execution_unit* loop_of(io_thread& thread) noexcept;

/// Logs that an actor has kept an I/O thread from its work; rarely for each loop.
void warn_of_long_turn(const caf::execution_unit* loop, const char* name, std::chrono::nanoseconds took);

/// An actor of the application on an I/O thread.
template <class Actor>
class beside_actor : public resident<Actor, false> {
public:
  /// The most messages that it handles in a row: then it is the turn of others, sockets included.
  static constexpr size_t max_messages = 16;

  /// From this on, a turn is too long for a thread that serves all connections.
  static constexpr std::chrono::nanoseconds max_turn = std::chrono::milliseconds{1};

  using resident<Actor, false>::resident;

  caf::resumable::resume_result resume(caf::execution_unit* host, size_t max_throughput) override {
    auto begun = std::chrono::steady_clock::now();
    auto result = resident<Actor, false>::resume(host, std::min(max_throughput, max_messages));
    if (auto took = std::chrono::steady_clock::now() - begun; took > max_turn)
      warn_of_long_turn(host, this->getf(caf::abstract_actor::is_terminated_flag) ? "that has ended" : this->name(),
                        took);
    return result;
  }
};

template <class Actor, class... Ts>
auto spawn_on(std::shared_ptr<io_thread> home, caf::actor_system& sys, caf::actor_config& cfg, Ts&&... xs) {
  static_assert(!std::derived_from<Actor, caf::blocking_actor>, "an actor that blocks cannot share a thread");
  cfg.host = loop_of(*home);
  return sys.spawn_class<beside_actor<Actor>, caf::no_spawn_options>(cfg, std::move(home), std::forward<Ts>(xs)...);
}

} // namespace detail

/// @name Actors on the pool's own thread
/// Like `caf::actor_system::spawn`, but the actor runs on the I/O thread of `pool`, with its connections, or on the
/// thread that does its work meanwhile (`actor_system_config`, `database`). Its requests to the pool and their answers
/// stay on that thread; on the scheduler each of them may wake another thread.
///
/// For applications with few requests under way, that want each answer soon. Not for many: actors and connections then
/// have one core together, while the scheduler would use others. And only for actors that never block and hardly
/// compute, such as repositories: as long as a handler runs, no statement of the pool is sent, and no answer received.
/// A turn of up to 16 messages that has taken longer than a millisecond is logged, at most every ten seconds; one that
/// never ends stops the pool without a word. The actor belongs to the pool's actor system. A class must be no `final`
/// one, and must not hide `on_exit`.
///
/// A retrier lives on the thread of the pool that it decorates, so actors beside it are there, too; so is what this
/// function spawns beside an actor of its own. Beside the pool of `connect`, actors live on the thread of the link to
/// the node. The thread lives until its last actor has ended.
///
/// All other actors with the interface of a pool have no such thread: a scripted pool, a decorator that the application
/// spawns by itself, a handle that CAF brought from another node. Then the actor runs on the scheduler, as after
/// `spawn`: nothing changes but the time that a request takes.
/// @{

/// For an actor of a class, with arguments for its constructor: `spawn_beside<library_actor::impl>(pool, pool)`.
template <std::derived_from<caf::local_actor> Actor, class... Ts>
auto spawn_beside(const pool_actor& pool, Ts&&... args) {
  auto& sys = pool.home_system();
  auto home = detail::io_thread_of(pool);
  if (!home)
    return sys.spawn<Actor>(std::forward<Ts>(args)...);
  caf::actor_config cfg;
  return detail::spawn_on<Actor>(std::move(home), sys, cfg, std::forward<Ts>(args)...);
}

/// For an actor that a function implements, with the function's further arguments: `spawn_beside(pool, library, pool)`.
template <class F, class... Ts>
requires(!std::derived_from<F, caf::local_actor>) auto spawn_beside(const pool_actor& pool, F fun, Ts&&... args) {
  auto& sys = pool.home_system();
  auto home = detail::io_thread_of(pool);
  if (!home)
    return sys.spawn(std::move(fun), std::forward<Ts>(args)...);
  using impl = caf::infer_impl_from_fun_t<F>;
  caf::actor_config cfg;
  cfg.init_fun = caf::detail::init_fun_factory<impl, F>{}(std::move(fun), std::forward<Ts>(args)...);
  return detail::spawn_on<impl>(std::move(home), sys, cfg);
}

/// @}

} // namespace cenote
