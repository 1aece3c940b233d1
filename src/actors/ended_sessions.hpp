#pragma once

#include "actors/messages.hpp"

#include <caf/actor_addr.hpp>

#include <cstddef>
#include <deque>
#include <string>
#include <unordered_map>
#include <utility>

namespace cenote {

/// How the last sessions have ended, for holders that have not noticed.
class ended_sessions {
public:
  static constexpr size_t max_entries = 1000;

  struct entry {
    caf::actor_addr holder; ///< The only one that learns of it.
    std::string reason;
    cenote::outcome outcome; ///< Of requests that come too late.
  };

  void add(session_id id, entry ended) {
    if (!entries_.emplace(id, std::move(ended)).second)
      return;
    order_.push_back(id);
    if (order_.size() > max_entries) {
      entries_.erase(order_.front());
      order_.pop_front();
    }
  }

  /// @returns null if the session is unknown, or was not the holder's.
  const entry* find(session_id id, const caf::actor_addr& holder) const {
    auto i = entries_.find(id);
    return i != entries_.end() && i->second.holder == holder ? &i->second : nullptr;
  }

private:
  std::unordered_map<session_id, entry> entries_;
  std::deque<session_id> order_; ///< Oldest first.
};

} // namespace cenote
