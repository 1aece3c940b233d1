#pragma once

#include "metrics/catalogue.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace cenote::metrics {

/// Jobs of one kind, in one queue and state.
struct job_count {
  std::string queue;
  std::string kind;
  std::string state;
  uint64_t jobs = 0;
};

/// The metrics of the jobs in the database of a pool. For use inside one actor.
class job_metrics {
public:
  /// So many series of jobs there are at most: a registry never forgets one.
  static constexpr size_t max_series = 1000;

  /// @param registry must outlive this.
  /// @param pool the pool's name.
  job_metrics(caf::telemetry::metric_registry& registry, std::string_view pool) : registry_{registry}, pool_{pool} {
    // nop
  }

  /// What there is now. Series that are not mentioned become 0.
  /// @param oldest by queue, in seconds.
  void set(const std::vector<job_count>& jobs, const std::map<std::string, int64_t>& oldest, uint64_t nodes);

private:
  using key = std::tuple<std::string, std::string, std::string>; ///< Queue, kind, state.

  caf::telemetry::metric_registry& registry_;
  std::string pool_;
  std::map<key, caf::telemetry::int_gauge*> jobs_;
  std::map<std::string, caf::telemetry::int_gauge*> oldest_;
};

} // namespace cenote::metrics
