#pragma once

#include "cenote/actors.hpp"

#include <caf/actor_addr.hpp>

#include <cstddef>
#include <deque>
#include <string>
#include <unordered_map>
#include <utility>

namespace cenote {

/// How the last sessions have ended, for those of their holders who have not noticed.
class ended_sessions {
public:
  static constexpr size_t max_entries = 1000;

  struct entry {
    caf::actor_addr holder; ///< Nobody else is told.
    std::string reason;
    cenote::outcome outcome; ///< Of what comes too late.
  };

  void add(session_id id, entry x) {
    if (!entries_.emplace(id, std::move(x)).second)
      return;
    order_.push_back(id);
    if (order_.size() > max_entries) {
      entries_.erase(order_.front());
      order_.pop_front();
    }
  }

  /// @returns nothing if it is not known, or was not theirs.
  const entry* find(session_id id, const caf::actor_addr& who) const {
    auto i = entries_.find(id);
    return i != entries_.end() && i->second.holder == who ? &i->second : nullptr;
  }

private:
  std::unordered_map<session_id, entry> entries_;
  std::deque<session_id> order_; ///< Oldest first.
};

} // namespace cenote
