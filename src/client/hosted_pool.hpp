#pragma once

#include "cenote/actor_system_config.hpp"
#include "cenote/actors.hpp"
#include "cenote/settings.hpp"

#include <caf/actor_system.hpp>
#include <caf/settings.hpp>

#include <string>

namespace cenote {

/// An actor system with one pool in it, or with one that stands for the pool of another process, for code that has none
/// of its own: a `database`, and the program. Its destructor waits for all actors: the pool must be ended before.
class hosted_pool {
public:
  /// Starts the actor system, and the pool.
  /// @param caf_options for CAF, by group: `{caf: {scheduler: {...}}}`.
  /// @param with_retrier whether `handle` is a retrier before the pool.
  /// @throws std::logic_error if `cenote::init` was not called, and what `spawn_pool` throws.
  hosted_pool(const settings& config, const caf::settings& caf_options, bool with_retrier);

  /// Starts the actor system, and uses the pool of another process.
  /// @throws as above, and what `connect` throws.
  hosted_pool(const remote_settings& nodes, const caf::settings& caf_options);

  caf::actor_system& system() noexcept { return system_; }

  /// The receiver for requests.
  const pool_actor& handle() const noexcept { return handle_; }

private:
  class system_config : public actor_system_config {
  public:
    explicit system_config(const caf::settings& options);

  private:
    void apply(const std::string& prefix, const caf::settings& options);
  };

  // In this order: the system's destructor waits for its actors.
  system_config config_;
  caf::actor_system system_;
  pool_actor handle_;
};

} // namespace cenote
