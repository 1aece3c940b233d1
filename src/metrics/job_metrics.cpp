#include "metrics/job_metrics.hpp"

#include <algorithm>
#include <utility>

namespace cenote::metrics {

void job_metrics::set(const std::vector<job_count>& jobs, const std::map<std::string, int64_t>& oldest,
                      uint64_t nodes) {
  std::map<key, int64_t> counts;
  for (auto& x : jobs)
    counts[{x.queue, x.kind, x.state}] += static_cast<int64_t>(x.jobs);
  for (auto& [name, count] : counts)
    if (count != 0 && !jobs_.contains(name) && jobs_.size() < max_series) {
      auto& [queue, kind, state] = name;
      jobs_[name] = gauge(registry_, metric::jobs, pool_, {{"kind", kind}, {"queue", queue}, {"state", state}});
    }
  for (auto& [name, series] : jobs_) {
    auto found = counts.find(name);
    series->value(found == counts.end() ? 0 : found->second);
  }
  for (auto& [queue, age] : oldest)
    if (!oldest_.contains(queue) && oldest_.size() < max_series)
      oldest_[queue] = gauge(registry_, metric::job_oldest_age, pool_, {{"queue", queue}});
  for (auto& [queue, series] : oldest_) {
    auto found = oldest.find(queue);
    series->value(found == oldest.end() ? 0 : found->second);
  }
  gauge(registry_, metric::job_nodes, pool_)->value(static_cast<int64_t>(nodes));
}

} // namespace cenote::metrics
