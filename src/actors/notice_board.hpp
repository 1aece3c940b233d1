#pragma once

#include <caf/actor_addr.hpp>
#include <caf/actor_control_block.hpp>

#include <chrono>
#include <functional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace cenote {

/// Who is told that something has happened which concerns other users of the pool: LISTEN and NOTIFY among them. A
/// notice is a hint. It may be lost; those who rely on what it is about look for themselves now and then.
///
/// Notices of a channel that follow each other quickly become one, so that a peer that sends many costs the others
/// little. For use inside one actor, which sends for it, and reports the ends of listeners.
class notice_board {
public:
  /// Further listeners are refused.
  static constexpr size_t max_listeners = 10'000;
  /// Notices of further channels within `pause` are dropped.
  static constexpr size_t max_channels = 1000;
  /// The most bytes of a channel's name.
  static constexpr size_t max_name = 200;
  /// Between two notices of a channel, at least.
  static constexpr std::chrono::milliseconds pause{5};

  using send_function = std::function<void(const caf::strong_actor_ptr&, const std::string& channel)>;
  /// Calls a function after a time, in the same actor.
  using delay_function = std::function<void(std::chrono::nanoseconds, std::function<void()>)>;

  notice_board(send_function send, delay_function delay) : send_{std::move(send)}, delay_{std::move(delay)} {
    // nop
  }

  enum class admission : uint8_t { added, known, refused };

  /// It is told of the notices on all channels. A second time changes nothing.
  admission add(const caf::strong_actor_ptr& listener);

  /// @returns whether it was one.
  bool remove(const caf::actor_addr& listener);

  bool contains(const caf::actor_addr& listener) const;

  bool has_listeners() const noexcept { return !listeners_.empty(); }

  /// Tells all listeners but the one that knows it already, now or within `pause`.
  void notify(const std::string& channel, const caf::actor_addr& from);

private:
  /// A channel whose last notice is not older than `pause`.
  struct recent {
    bool again = false;   ///< There has been another notice since.
    caf::actor_addr from; ///< Of that; null if from several.
  };

  void tell(const std::string& channel, const caf::actor_addr& but);
  void pause_is_over(const std::string& channel);

  send_function send_;
  delay_function delay_;
  std::vector<caf::actor_addr> listeners_; ///< Weak: listening keeps nobody alive.
  std::unordered_map<std::string, recent> channels_;
};

} // namespace cenote
