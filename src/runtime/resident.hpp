#pragma once

#include "runtime/io_thread.hpp"

#include <caf/actor_system.hpp>
#include <caf/mailbox_element.hpp>
#include <caf/spawn_options.hpp>

#include <utility>

namespace cenote {

/// An actor that the event loop of an I/O thread runs. CAF only has brokers there; this class has all that matters. Its
/// state must own the I/O thread, or be owned by something that does. If the state has `end_turn()`, that is called
/// after each batch of messages.
template <class Actor>
class resident : public Actor {
public:
  template <class... Ts>
  resident(caf::actor_config& cfg, event_loop* home, Ts&&... xs) : Actor{cfg, std::forward<Ts>(xs)...}, home_{home} {
    // nop
  }

  using Actor::enqueue;

  bool enqueue(caf::mailbox_element_ptr message, caf::execution_unit*) override {
    // Once the actor has ended, its mailbox is closed and the loop, which may be gone, is not touched.
    return Actor::enqueue(std::move(message), home_);
  }

  caf::resumable::subtype_t subtype() const override { return caf::resumable::io_actor; }

  caf::resumable::resume_result resume(caf::execution_unit* host, size_t max_throughput) override {
    auto result = Actor::resume(host, max_throughput);
    if constexpr (requires { this->state.end_turn(); }) {
      if (this->getf(caf::abstract_actor::is_terminated_flag))
        return result;
      this->state.end_turn();
      // CAF ends an actor after a message, and this was none. An actor that has quit, but has not ended, would end with
      // its last handle, on whatever thread that goes.
      if (this->finalize())
        return caf::resumable::done;
    }
    return result;
  }

private:
  event_loop* home_;
};

/// Starts an actor of the class `Actor` on an I/O thread. May be called from any thread.
template <class Actor, class... Ts>
auto spawn_resident(caf::actor_system& sys, io_thread& thread, Ts&&... xs) {
  caf::actor_config cfg{&thread.loop()};
  return sys.spawn_class<resident<Actor>, caf::no_spawn_options>(cfg, &thread.loop(), std::forward<Ts>(xs)...);
}

} // namespace cenote
