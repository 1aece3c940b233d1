#pragma once

#include "cenote/pool.hpp"
#include "cenote/status.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>

namespace cenote::app {

/// What is known of a pool at one moment.
struct pool_view {
  std::optional<pool_status> status;                ///< The last that it has told; empty: none so far.
  std::chrono::nanoseconds unanswered{0};           ///< For how long the pool has owed an answer.
  std::chrono::nanoseconds unheard{0};              ///< For how long the watching actor has not run.
  std::chrono::nanoseconds silent{0};               ///< For how long the server has owed an answer to a probe.
  std::optional<std::chrono::nanoseconds> verified; ///< The time since it has answered one; empty: none so far.

  /// For how long the actors have not answered.
  std::chrono::nanoseconds unresponsive() const { return std::max(unanswered, unheard); }

  /// Whether they take longer than actors may.
  bool actors_are_late() const { return unresponsive() > std::chrono::seconds{1}; }

  /// Whether the server takes longer than it may.
  bool server_is_late() const { return silent > std::chrono::seconds{2}; }
};

/// Looks at a pool again and again, so that probes are answered from what is known and wait for nothing. Looking sends
/// the server no statement.
///
/// If probes ask, and only then, it makes a round trip to the server at most once per interval, and only while a
/// connection is idle and nobody waits for one.
class pool_watch {
public:
  /// @param probe_interval see `http_settings`.
  pool_watch(caf::actor_system& system, const pool_actor& pool, std::chrono::nanoseconds probe_interval);
  pool_watch(const pool_watch&) = delete;
  ~pool_watch();

  /// What is known now. From any thread.
  pool_view look() const;

  /// Says that a probe asks. From any thread.
  void note_probe();

  /// Says that the program has begun to end: from now on the pool counts as draining, though it may do that only when
  /// its node has sent the clients away. From any thread.
  void note_drain();

private:
  struct shared_state;
  struct watcher;

  std::shared_ptr<shared_state> state_;
  caf::actor watcher_;
};

} // namespace cenote::app
