#pragma once

#include "cenote/events.hpp"

#include <caf/actor_addr.hpp>
#include <caf/actor_control_block.hpp>

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <vector>

namespace cenote {

/// Sends events to subscribers. Each is sent one message at a time; events until its answer wait in a bounded queue of
/// its own, whose oldest events are dropped. So the feed waits for nobody, and memory is bounded.
///
/// For use inside one actor, which sends for it, monitors subscribers, and reports their answers and their ends.
class event_feed {
public:
  /// The most subscribers.
  static constexpr size_t max_subscribers = 100;

  /// The most events that wait for a subscriber.
  static constexpr size_t max_waiting = 1000;

  /// Identifies a subscription, so that a late answer does not count for a later one of the same actor.
  using subscription_id = uint64_t;

  /// Sends a message; when it is answered, `acknowledged` has to be called, or after an error, `remove` if it
  /// `is_current`.
  using send_function = std::function<void(const caf::strong_actor_ptr&, subscription_id, pool_events)>;

  /// @param pool for the events.
  event_feed(std::string pool, send_function send) : pool_{std::move(pool)}, send_{std::move(send)} {
    // nop
  }

  enum class subscription : uint8_t { added, known, refused };

  /// A second subscription of the same actor changes nothing.
  subscription add(const caf::strong_actor_ptr& actor);

  /// @returns whether it was one.
  bool remove(const caf::actor_addr& address);

  bool contains(const caf::actor_addr& address) const;

  /// Whether there is any subscriber: otherwise an event need not be made.
  bool has_subscribers() const noexcept { return !subscribers_.empty(); }

  /// Fills in `pool` and `at`.
  void publish(pool_event event);

  /// Passes on an event of another pool, as it is.
  void forward(const pool_event& event);

  /// The subscriber has answered.
  void acknowledged(subscription_id id);

  /// Whether the subscription still exists.
  bool is_current(subscription_id id) const;

private:
  struct subscriber {
    subscription_id id;
    caf::actor_addr address; ///< Weak: a subscription keeps nobody alive.
    std::deque<pool_event> waiting;
    uint64_t lost = 0;
    bool is_busy = false; ///< Has not answered yet.
  };

  void send(subscriber& target);

  std::string pool_;
  send_function send_;
  std::vector<subscriber> subscribers_;
  subscription_id last_id_ = 0;
};

} // namespace cenote
