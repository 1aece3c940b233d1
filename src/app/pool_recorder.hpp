#pragma once

#include "app/event_log.hpp"
#include "app/history.hpp"
#include "app/pool_state.hpp"
#include "app/pool_watch.hpp"
#include "cenote/pool.hpp"
#include "cenote/settings.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>

namespace cenote::app {

/// Writes down what a pool does: its condition, the last 15 minutes, and its last events. Memory is bounded, and
/// neither the server nor a caller notices.
class pool_recorder {
public:
  /// @param watch what is looked at.
  /// @param current tells the settings in force, from any thread.
  pool_recorder(caf::actor_system& system, const pool_actor& pool, std::shared_ptr<const pool_watch> watch,
                std::function<std::shared_ptr<const settings>()> current);
  pool_recorder(const pool_recorder&) = delete;
  ~pool_recorder();

  /// @name What is known now. From any thread.
  /// @{
  pool_state state() const;
  std::vector<history_sample> newest(size_t samples) const;
  std::vector<logged_event> events() const;
  /// @}

private:
  struct shared_state;
  struct recorder;

  std::shared_ptr<shared_state> state_;
  caf::actor recorder_;
};

} // namespace cenote::app
