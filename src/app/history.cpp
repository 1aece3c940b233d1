#include "app/history.hpp"

#include "cenote/failure.hpp"
#include "metrics/catalogue.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace cenote::app {

namespace {

using counts = std::map<std::string, int64_t>;

/// Observations come on a loaded machine a bit early or late.
constexpr auto tolerance = std::chrono::milliseconds{500};

int64_t sum(const std::vector<int64_t>& numbers) {
  return std::accumulate(numbers.begin(), numbers.end(), int64_t{0});
}

/// What was added, without what stayed as it was.
counts difference(const counts& before, const counts& now) {
  counts out;
  for (auto& [name, count] : now) {
    auto i = before.find(name);
    if (auto more = count - (i == before.end() ? 0 : i->second); more > 0)
      out[name] = more;
  }
  return out;
}

std::vector<int64_t> difference(const std::vector<int64_t>& before, const std::vector<int64_t>& now) {
  auto out = now;
  for (size_t i = 0; i < std::min(before.size(), out.size()); ++i)
    out[i] -= before[i];
  return out;
}

quantiles make_quantiles(const std::vector<int64_t>& before, const std::vector<int64_t>& now) {
  auto counted = difference(before, now);
  auto bounds = metrics::time_bounds();
  return {quantile(0.5, bounds, counted), quantile(0.99, bounds, counted)};
}

/// Requests that the pool refuses are among the operations that failed as unavailable, but have a code.
counts errors(const metrics::reading& before, const metrics::reading& now) {
  auto out = difference(before.failed_operations, now.failed_operations);
  auto refused = difference(before.refused, now.refused);
  auto& unavailable = out[to_string(outcome::unavailable)];
  for (auto& [code, count] : refused)
    unavailable -= count;
  if (unavailable <= 0)
    out.erase(to_string(outcome::unavailable));
  out.merge(refused);
  return out;
}

} // namespace

std::optional<double> quantile(double q, std::span<const double> bounds, std::span<const int64_t> counts) {
  auto total = std::accumulate(counts.begin(), counts.end(), int64_t{0});
  if (total <= 0)
    return std::nullopt;
  auto rank = q * static_cast<double>(total);
  double below = 0;
  for (size_t i = 0; i < bounds.size(); ++i) {
    auto count = static_cast<double>(counts[i]);
    if (count > 0 && below + count >= rank) {
      auto lower = i == 0 ? 0.0 : bounds[i - 1];
      return lower + (bounds[i] - lower) * std::max(rank - below, 0.0) / count;
    }
    below += count;
  }
  return bounds.back();
}

history_sample make_sample(const observation& before, const observation& now) {
  auto& status = now.status;
  history_sample out;
  out.at = now.at;
  out.in_use = status.checked_out;
  out.idle = status.checked_in;
  out.connecting = status.connecting;
  out.limit = status.limit;
  out.waiting = status.waiting;
  out.in_flight = status.in_flight;
  out.sessions = static_cast<uint64_t>(std::max<int64_t>(now.metrics.sessions, 0));
  auto seconds = std::chrono::duration<double>(now.measured_at - before.measured_at).count();
  auto statements = static_cast<double>(sum(now.metrics.operations) - sum(before.metrics.operations));
  out.statements_per_second = seconds > 0 ? statements / seconds : 0;
  out.wait = make_quantiles(before.metrics.waits, now.metrics.waits);
  out.statement = make_quantiles(before.metrics.operations, now.metrics.operations);
  out.errors = errors(before.metrics, now.metrics);
  out.failed_connects = difference(before.metrics.failed_connects, now.metrics.failed_connects);
  out.retries = difference(before.metrics.retries, now.metrics.retries);
  out.breakers = now.metrics.breakers;
  return out;
}

void history::add(observation now) {
  if (!begin_)
    begin_ = now;
  auto sample = make_sample(*begin_, now);
  if (grows_) {
    samples_.back() = std::move(sample);
  } else {
    samples_.push_back(std::move(sample));
    if (samples_.size() > capacity)
      samples_.pop_front();
  }
  auto complete = now.measured_at - begin_->measured_at >= interval - tolerance;
  grows_ = !complete;
  if (complete)
    begin_ = std::move(now);
}

std::vector<history_sample> history::newest(size_t count) const {
  auto n = static_cast<std::ptrdiff_t>(std::min(count, samples_.size()));
  return {samples_.end() - n, samples_.end()};
}

} // namespace cenote::app
