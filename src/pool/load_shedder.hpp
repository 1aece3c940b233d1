#pragma once

#include "cenote/settings.hpp"
#include "pool/request.hpp"

namespace cenote::pool {

/// Tells a queue that only has a peak from one that never empties (CoDel, "controlled delay"): if in a whole interval
/// every request has waited for longer than the target, the load is too high, and those that have waited longest are
/// given up so that the others are served in time.
class load_shedder {
public:
  explicit load_shedder(const pool_settings& rules) { apply(rules); }

  /// Other rules hold from now on.
  void apply(const pool_settings& rules) {
    target_ = rules.shed_target;
    interval_ = rules.shed_interval;
  }

  bool enabled() const noexcept { return target_ > duration::zero(); }

  /// Somebody is served after having waited so long; zero if nobody waits at all.
  void served(duration waited, time_point now);

  /// Whether a request that has waited so long is to be given up.
  bool sheds(duration waited, time_point now);

  /// When `sheds` has to be asked again about the one that has waited longest, if nothing happens until then.
  time_point next_event(time_point accepted) const;

private:
  void next_interval(time_point now);

  /// Twice the target: who has waited for less may still be served in time while the queue gets shorter.
  duration patience() const { return times(target_, 2); }

  duration target_{};
  duration interval_{};
  bool overloaded_ = false;
  bool somebody_was_in_time_ = true; ///< In this interval.
  time_point ends_at_ = time_point::min();
};

} // namespace cenote::pool
