#pragma once

#include "cenote/actor_system_config.hpp"
#include "cenote/pool.hpp"

#include <caf/actor_system.hpp>
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

/// The answer to a request.
template <class T>
using answer = tl::expected<T, failure>;

/// An answer that is on its way.
template <class T>
class awaited {
public:
  explicit awaited(std::future<answer<T>> pending) : future_{std::move(pending)} {
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

/// CAF as an application would configure it, with few threads.
class application_config : public actor_system_config {
public:
  application_config();
};

/// The rules, but with as many prepared statements as CENOTE_TEST_PREPARED says, if it is set and the rules have the
/// default: with 0, the tests of pools are such of statements as text.
pool_settings as_environment_says(pool_settings rules);

/// An actor system with its pools, which end with it. Time is real; everything that waits has a limit.
class actor_fixture {
public:
  actor_fixture();
  ~actor_fixture();

  caf::actor_system& system() { return system_; }

  /// Starts a pool that ends with this fixture, with the rules that the environment says. If CENOTE_TEST_REMOTE is set,
  /// it is reached through a pool node.
  pool_actor start_pool(const server_settings& server, const pool_settings& rules = {});

  /// Starts one and waits until it has all the connections that it keeps.
  pool_actor start_full_pool(const server_settings& server, const pool_settings& rules = {});

  // -- requests, each from an actor of its own ---------------------------------------

  awaited<result> ask(const pool_actor& pool, statement query);
  answer<result> run(const pool_actor& pool, statement query) { return ask(pool, std::move(query)).get(); }

  /// Runs a statement that has to succeed.
  /// @throws std::runtime_error with the failure if it does not.
  result must(const pool_actor& pool, statement query);

  awaited<std::vector<result>> ask(const pool_actor& pool, transaction request);
  answer<std::vector<result>> run(const pool_actor& pool, transaction request) {
    return ask(pool, std::move(request)).get();
  }

  awaited<verification> ask_verify(const pool_actor& pool);
  answer<verification> verify(const pool_actor& pool) { return ask_verify(pool).get(); }
  awaited<drain_report> drain(const pool_actor& pool, caf::timespan limit);
  void dispose(const pool_actor& pool);
  pool_status status(const pool_actor& pool);

  /// Sends any request, from an actor of its own.
  template <class T, class... Ts>
  awaited<T> request(const pool_actor& pool, Ts... args) {
    return request_of<T>(pool, std::move(args)...);
  }

  /// The same for an actor of any interface.
  template <class T, class Actor, class... Ts>
  awaited<T> request_of(const Actor& receiver, Ts... args) {
    auto promise = std::make_shared<std::promise<answer<T>>>();
    awaited<T> result{promise->get_future()};
    // No timeout of CAF's, which would keep the system alive; `awaited` has one.
    system_.spawn([promise, receiver, ... args = std::move(args)](caf::event_based_actor* self) {
      auto failed = [promise](const caf::error& error) { promise->set_value(tl::unexpected{details(error)}); };
      if constexpr (std::is_void_v<T>)
        self->request(receiver, caf::infinite, args...).then([promise] { promise->set_value({}); }, failed);
      else
        self->request(receiver, caf::infinite, args...)
            .then([promise](const T& received) { promise->set_value(received); }, failed);
    });
    return result;
  }

  // -- waiting for events ------------------------------------------------------------

  /// Checks `condition` until it holds, a bounded number of times and with a pause in between.
  /// @returns whether it holds.
  bool eventually(const std::function<bool()>& condition);

  /// Asks for the status until it meets the condition.
  /// @throws std::runtime_error with the last status if it never does.
  pool_status await_status(const pool_actor& pool, const std::function<bool(const pool_status&)>& condition);

  /// Waits until the pool has exactly this number of open connections, and all of them are free.
  pool_status await_free(const pool_actor& pool, uint64_t connections);

private:
  void pause();
  void await_end();
  pool_actor reach_remotely(const pool_actor& pool);

  application_config config_;
  caf::actor_system system_;
  std::vector<pool_actor> pools_;
};

} // namespace cenote::test
