#pragma once

#include "simulation/jobs/node.hpp"

#include <map>
#include <string_view>
#include <utility>
#include <vector>

namespace cenote::job_simulation {

/// Looks at the nodes and the tables from outside, all the time: nobody starves, nobody asks too much.
class watch {
public:
  explicit watch(world& shared);

  void start();

  /// From now on, no due job may wait although it could be begun, for longer than it takes to look.
  void expect_progress() { expects_progress_ = true; }

  /// All is done: counts what idle nodes ask.
  void begin_idle_time();
  void end_idle_time();

private:
  void look();
  void check_jobs();
  void check_schedules();
  void check_paces();
  /// Whether the limits allow another job of this kind.
  bool is_allowed(size_t queue, size_t kind) const;
  /// Whether a node that does this kind has had a free place since then.
  bool has_place_since(size_t queue, size_t kind, time_point since) const;

  world& world_;
  bool expects_progress_ = false;
  std::map<std::pair<size_t, size_t>, time_point> allowed_since_;
  using counts = std::map<std::string_view, size_t>;
  std::map<const node*, counts> before_;
  uint64_t rounds_ = 0;
  std::map<const node*, counts> idle_;
  time_point idle_since_;
};

} // namespace cenote::job_simulation
