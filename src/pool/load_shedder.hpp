#pragma once

#include "cenote/settings.hpp"
#include "pool/request.hpp"

namespace cenote::pool {

/// Distinguishes a queue that only has a peak from one that never empties (CoDel, "controlled delay"): if in a whole
/// interval every request has waited for longer than the target, the load is too high, and those that have waited
/// longest are given up so that the others are served in time.
class load_shedder {
public:
  explicit load_shedder(const pool_settings& rules) { apply(rules); }

  /// Applies new rules.
  void apply(const pool_settings& rules) {
    target_ = rules.shed_target;
    interval_ = rules.shed_interval;
  }

  bool enabled() const noexcept { return target_ > duration::zero(); }

  /// A request is served after having waited this long; zero if none waits at all.
  void served(duration waited, time_point now);

  /// Whether to give up a request that has waited this long.
  bool sheds(duration waited, time_point now);

  /// When `sheds` has to be asked again about the one that has waited longest, if nothing happens until then.
  time_point next_event(time_point accepted) const;

private:
  void next_interval(time_point now);

  /// Twice the target: a request that has waited for less may still be served in time while the queue gets shorter.
  duration patience() const { return times(target_, 2); }

  duration target_{};
  duration interval_{};
  bool overloaded_ = false;
  bool in_time_ = true; ///< Whether a request was served in time in this interval.
  time_point ends_at_ = time_point::min();
};

} // namespace cenote::pool
