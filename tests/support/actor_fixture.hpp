#pragma once

#include "cenote/pool.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <tl/expected.hpp>

namespace cenote::test {

/// Longest wait for anything that has to happen. Reached only if something hangs.
inline constexpr auto patience = std::chrono::seconds{60};

/// What came of a request.
template <class T>
using answer = tl::expected<T, failure>;

/// An answer that is on its way.
template <class T>
class awaited {
public:
  explicit awaited(std::future<answer<T>> x) : future_{std::move(x)} {
    // nop
  }

  /// Whether the answer is there already.
  bool arrived() const { return future_.wait_for(std::chrono::seconds{0}) == std::future_status::ready; }

  /// Waits for the answer; may be called once.
  /// @throws std::runtime_error if it does not come: the request hangs.
  answer<T> get() {
    if (future_.wait_for(patience) != std::future_status::ready)
      throw std::runtime_error{"a request was not answered"};
    return future_.get();
  }

private:
  std::future<answer<T>> future_;
};

/// How an application would configure CAF: with its I/O module, and few threads that share one queue.
class application_config : public caf::actor_system_config {
public:
  application_config();
};

/// An actor system with its pools, which end with it. Time is real; everything that waits has a limit.
class actor_fixture {
public:
  actor_fixture();
  ~actor_fixture();

  caf::actor_system& system() { return system_; }

  /// Starts a pool that ends with this fixture.
  pool_actor start_pool(const server_settings& server, const pool_settings& rules = {});

  /// Starts one and waits until it has all the connections that it keeps.
  pool_actor start_full_pool(const server_settings& server, const pool_settings& rules = {});

  // -- requests, each from an actor of its own ---------------------------------------

  awaited<result> ask(const pool_actor& pool, statement what);
  answer<result> run(const pool_actor& pool, statement what) { return ask(pool, std::move(what)).get(); }

  /// Runs a statement that has to succeed.
  /// @throws std::runtime_error with the failure if it does not.
  result must(const pool_actor& pool, statement what);

  awaited<std::vector<result>> ask(const pool_actor& pool, transaction what);
  answer<std::vector<result>> run(const pool_actor& pool, transaction what) { return ask(pool, std::move(what)).get(); }

  awaited<verification> ask_verify(const pool_actor& pool);
  answer<verification> verify(const pool_actor& pool) { return ask_verify(pool).get(); }
  awaited<drain_report> drain(const pool_actor& pool, caf::timespan limit);
  void dispose(const pool_actor& pool);
  pool_status status(const pool_actor& pool);

  /// Sends any request.
  template <class T, class... Ts>
  awaited<T> request(const pool_actor& pool, Ts... xs) {
    auto promise = std::make_shared<std::promise<answer<T>>>();
    awaited<T> result{promise->get_future()};
    // No timeout of CAF's, which would keep the system alive; `awaited` has one.
    system_.spawn([promise, pool, ... xs = std::move(xs)](caf::event_based_actor* self) {
      auto failed = [promise](const caf::error& why) { promise->set_value(tl::unexpected{details(why)}); };
      if constexpr (std::is_void_v<T>)
        self->request(pool, caf::infinite, xs...).then([promise] { promise->set_value({}); }, failed);
      else
        self->request(pool, caf::infinite, xs...).then([promise](const T& x) { promise->set_value(x); }, failed);
    });
    return result;
  }

  // -- waiting for events ------------------------------------------------------------

  /// Asks whether `what` holds until it does, a bounded number of times and with a pause in between.
  /// @returns whether it came to hold.
  bool eventually(const std::function<bool()>& what);

  /// Asks for the status until it is as wanted.
  /// @throws std::runtime_error with the last status if it never is.
  pool_status await_status(const pool_actor& pool, const std::function<bool(const pool_status&)>& wanted);

  /// Waits until the pool has exactly so many open connections, and all of them are free.
  pool_status await_free(const pool_actor& pool, uint64_t connections);

private:
  void pause();

  application_config config_;
  caf::actor_system system_;
  std::vector<pool_actor> pools_;
};

} // namespace cenote::test
