#pragma once

#include "jobs/claim_limits.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cenote::jobs {

/// The limits of a queue over all nodes, and what of them is used up.
struct limits_of_queue {
  struct limit {
    std::string kind; ///< Empty: the queue as a whole.
    uint32_t max_running = 0;
    double per_second = 0;
    int64_t next_at = 0; ///< See `limit_rate`.
  };
  struct usage {
    std::string kind;
    uint64_t running = 0;
  };
  std::vector<limit> limits;
  std::vector<usage> running;

  /// @param kind empty: the queue as a whole.
  const limit* find(std::string_view kind) const {
    auto found = std::ranges::find(limits, kind, &limit::kind);
    return found == limits.end() ? nullptr : &*found;
  }

  /// Whether the kind has a limit of its own.
  bool limits_kind(std::string_view kind) const {
    auto found = find(kind);
    return found != nullptr && (found->max_running > 0 || found->per_second > 0);
  }

  /// @param kind empty: the queue as a whole.
  limit_in_force in_force(std::string_view kind) const {
    limit_in_force out;
    if (auto found = find(kind))
      out = {found->max_running, 0, found->per_second, found->next_at};
    for (auto& each : running)
      if (kind.empty() || each.kind == kind)
        out.running += each.running;
    return out;
  }

  /// Kinds that are claimed together: all without limits of their own, or one with limits.
  std::vector<std::vector<std::string>> groups_of(const std::vector<std::string>& kinds) const {
    std::vector<std::vector<std::string>> groups;
    std::vector<std::string> free;
    for (auto& kind : kinds) {
      if (limits_kind(kind))
        groups.push_back({kind});
      else
        free.push_back(kind);
    }
    if (!free.empty())
      groups.push_back(std::move(free));
    return groups;
  }

  /// How many jobs of a group may be taken.
  /// @param now the server's clock, in microseconds.
  allowance allowed(const std::vector<std::string>& group, int64_t now, uint32_t wanted) const {
    auto out = allowance_of(in_force(""), now, wanted);
    if (out.count > 0 && limits_kind(group.front()))
      out = allowance_of(in_force(group.front()), now, out.count);
    return out;
  }
};

/// Whose turn it is: one group of kinds after the other, so that a limit of one does not keep the others waiting.
class group_turns {
public:
  using duration = std::chrono::nanoseconds;

  /// The group whose turn it is, of so many.
  size_t next(size_t groups) noexcept { return turn_++ % groups; }

  /// The group had jobs.
  void found() noexcept {
    empty_ = 0;
    pause_ = duration{0};
  }

  /// Another node came first: it is the same group's turn again.
  void again() noexcept { --turn_; }

  /// The group has no jobs, or may not begin any.
  /// @param pause if a limit is the reason: when it may allow more; otherwise zero.
  /// @returns nothing if it is the turn of another one; after the last one when to begin again: zero if there are no
  /// jobs at all.
  std::optional<duration> is_empty(size_t groups, duration pause) noexcept {
    pause_ = pause > duration{0} && pause_ > duration{0} ? std::min(pause, pause_) : std::max(pause, pause_);
    if (++empty_ < groups)
      return std::nullopt;
    empty_ = 0;
    return std::exchange(pause_, duration{0});
  }

private:
  size_t turn_ = 0;
  size_t empty_ = 0;  ///< In turn.
  duration pause_{0}; ///< Of these.
};

} // namespace cenote::jobs
