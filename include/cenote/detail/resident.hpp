#pragma once

#include <caf/abstract_actor.hpp>
#include <caf/actor_config.hpp>
#include <caf/execution_unit.hpp>
#include <caf/mailbox_element.hpp>
#include <caf/resumable.hpp>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <utility>

namespace cenote {

class io_thread;

namespace detail {

/// What all actors on I/O threads have in common. Each keeps its thread alive until it ends.
class resident_base {
public:
  explicit resident_base(std::shared_ptr<io_thread> home) noexcept;
  virtual ~resident_base();

  /// The I/O thread, for another actor that is to live there. May be called from any thread.
  /// @returns null if the thread is about to end.
  std::shared_ptr<io_thread> home() const noexcept { return known_.lock(); }

protected:
  caf::execution_unit* loop() const noexcept { return loop_; }

  /// The actor has ended.
  void leave() noexcept { own_.reset(); }

private:
  std::shared_ptr<io_thread> own_;
  std::weak_ptr<io_thread> known_; ///< Never changes.
  caf::execution_unit* loop_;
};

/// An actor that the event loop of an I/O thread runs. CAF only has brokers there; this class has all that matters. If
/// the state has `end_turn()`, that is called after each batch of messages.
/// @tparam EndsTurns false for actors of the application: an `end_turn()` of theirs is their own affair.
template <class Actor, bool EndsTurns = true>
class resident : public Actor, public resident_base {
public:
  /// The most messages that it handles in a row, whatever CAF's settings say: then it is the turn of others, sockets
  /// included.
  static constexpr size_t max_in_a_row = 100;

  template <class... Ts>
  resident(caf::actor_config& cfg, std::shared_ptr<io_thread> home, Ts&&... xs)
      : Actor(cfg, std::forward<Ts>(xs)...), resident_base{std::move(home)} {
    // As in CAF: with braces some arguments would be refused that `spawn` takes.
  }

  using Actor::enqueue;

  bool enqueue(caf::mailbox_element_ptr message, caf::execution_unit*) override {
    // Once the actor has ended, its mailbox is closed and the loop, which may be gone, is not touched.
    return Actor::enqueue(std::move(message), loop());
  }

  caf::resumable::subtype_t subtype() const override { return caf::resumable::io_actor; }

  caf::resumable::resume_result resume(caf::execution_unit* host, size_t max_throughput) override {
    auto result = Actor::resume(host, std::min(max_throughput, max_in_a_row));
    if constexpr (EndsTurns && requires { this->state.end_turn(); }) {
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

  void on_exit() override {
    Actor::on_exit();
    leave();
  }
};

} // namespace detail
} // namespace cenote
