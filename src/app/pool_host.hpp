#pragma once

#include "cenote/error.hpp"
#include "cenote/pool.hpp"
#include "client/hosted_pool.hpp"

#include <chrono>
#include <memory>
#include <type_traits>
#include <utility>

#include <caf/actor_system.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/settings.hpp>

#include <tl/expected.hpp>

namespace cenote::app {

/// Settings for a command that asks one thing after the other.
settings for_one_connection(settings how);

/// The pool of a command, and a way to talk to it from plain code.
class pool_host {
public:
  /// Starts both.
  /// @param caf_options what the config file says under `caf`.
  /// @throws std::system_error if the process may not have the descriptors, threads or memory that this needs.
  pool_host(const settings& how, const caf::settings& caf_options);

  /// The same with the pool of another process, which stays as it is at the end.
  /// @throws std::system_error, or configuration_error if a file that `nodes` names cannot be used.
  pool_host(const remote_settings& nodes, const caf::settings& caf_options);
  pool_host(const pool_host&) = delete;

  /// Ends the pool at once, and the actor system as soon as no actor is left. A connect that hangs (DNS cannot be
  /// interrupted) does not hold the program up: see `abandoned`.
  ~pool_host();

  caf::actor_system& system();
  const pool_actor& pool() const;

  /// Fails what the pool still does, so that every `ask` gets its answer. From any thread.
  void cut() const;

  /// Sends a request to `whom` and waits for the answer. It always comes: a pool answers every request.
  template <class Answer, class... Ts>
  tl::expected<Answer, failure> ask_actor(const pool_actor& whom, Ts&&... request) {
    return ask_actor_within<Answer>(caf::infinite, whom, std::forward<Ts>(request)...);
  }

  /// `ask_actor` for the pool.
  template <class Answer, class... Ts>
  tl::expected<Answer, failure> ask(Ts&&... request) {
    return ask_actor<Answer>(pool(), std::forward<Ts>(request)...);
  }

  /// `ask` for what the pool does at once: if it takes longer than a second, that is a failure.
  template <class Answer, class... Ts>
  tl::expected<Answer, failure> ask_in_time(Ts&&... request) {
    return ask_within<Answer>(caf::timespan{std::chrono::seconds{1}}, std::forward<Ts>(request)...);
  }

  /// `ask` for what may not take longer than that.
  template <class Answer, class... Ts>
  tl::expected<Answer, failure> ask_within(caf::timespan limit, Ts&&... request) {
    return ask_actor_within<Answer>(limit, pool(), std::forward<Ts>(request)...);
  }

  /// Whether an actor system had to be left running: then leave the process with `_Exit`.
  static bool abandoned() noexcept;

private:
  template <class Answer, class Limit, class... Ts>
  tl::expected<Answer, failure> ask_actor_within(Limit limit, const pool_actor& whom, Ts&&... request) {
    caf::scoped_actor self{system()};
    tl::expected<Answer, failure> out = tl::unexpected<failure>{failure{}};
    auto failed = [&out](caf::error& err) { out = tl::unexpected<failure>{details(err)}; };
    auto response = self->request(whom, limit, std::forward<Ts>(request)...);
    if constexpr (std::is_void_v<Answer>)
      response.receive([&out] { out = {}; }, failed);
    else
      response.receive([&out](Answer& x) { out = std::move(x); }, failed);
    return out;
  }

  std::unique_ptr<hosted_pool> host_;
};

} // namespace cenote::app
