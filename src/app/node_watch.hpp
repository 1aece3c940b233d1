#pragma once

#include "cenote/node.hpp"
#include "cenote/node_status.hpp"

#include <memory>

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>

namespace cenote::app {

/// Looks at a pool node once a second, so that HTTP is answered from what is known and no client waits for it.
class node_watch {
public:
  node_watch(caf::actor_system& system, const node_actor& node);
  node_watch(const node_watch&) = delete;
  ~node_watch();

  /// What it has told last; null: nothing so far. From any thread.
  std::shared_ptr<const node_status> look() const;

private:
  struct shared_state;
  struct watcher;

  std::shared_ptr<shared_state> state_;
  caf::actor watcher_;
};

} // namespace cenote::app
