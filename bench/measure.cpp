#include "measure.hpp"

#include <algorithm>
#include <stdexcept>
#include <thread>

#include <sys/resource.h>
#include <sys/time.h>

namespace cenote::bench {

namespace {

using std::chrono::duration;

/// CPU time used by this process so far.
std::chrono::microseconds cpu_time() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  auto us = [](const timeval& x) { return std::chrono::seconds{x.tv_sec} + std::chrono::microseconds{x.tv_usec}; };
  return us(used.ru_utime) + us(used.ru_stime);
}

double percentile_us(std::vector<uint32_t>& xs, double share) {
  auto nth = xs.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(xs.size() - 1));
  std::nth_element(xs.begin(), nth, xs.end());
  return *nth / 1e3;
}

} // namespace

caller::caller(const catalogue& all, const std::atomic<stage>& now, unsigned seed)
    : all_{&all}, now_{&now}, random_{seed} {
  // nop
}

std::optional<int> caller::next() {
  if (now_->load(std::memory_order_relaxed) == stage::over || !error_.empty())
    return std::nullopt;
  id_ = 1 + static_cast<int>(random_() % static_cast<unsigned>(all_->size()));
  asked_ = steady::now();
  return id_;
}

void caller::answered(const manga& row) {
  auto took = steady::now() - asked_;
  if (row != all_->row(id_))
    error_ = "asked for row " + std::to_string(id_) + ", got row " + std::to_string(row.id) + " '" + row.title + "'";
  if (now_->load(std::memory_order_relaxed) == stage::measuring)
    latencies_.push_back(static_cast<uint32_t>(std::min<int64_t>(took.count(), UINT32_MAX)));
}

figures measure(const catalogue& all, size_t callers, const round_length& length,
                const std::function<void(std::vector<caller>&, const std::function<void()>&)>& run) {
  std::atomic<stage> now{stage::warm_up};
  std::vector<caller> crew;
  crew.reserve(callers);
  for (size_t i = 0; i < callers; ++i)
    crew.emplace_back(all, now, static_cast<unsigned>(i + 1));
  duration<double> wall{};
  duration<double> cpu{};
  run(crew, [&] {
    std::this_thread::sleep_for(length.warm_up);
    auto wall_before = steady::now();
    auto cpu_before = cpu_time();
    now = stage::measuring;
    std::this_thread::sleep_for(length.measured);
    now = stage::over;
    cpu = cpu_time() - cpu_before;
    wall = steady::now() - wall_before;
  });
  std::vector<uint32_t> latencies;
  for (const auto& x : crew) {
    if (!x.error().empty())
      throw std::runtime_error{x.error()};
    latencies.insert(latencies.end(), x.latencies().begin(), x.latencies().end());
  }
  if (latencies.empty())
    throw std::runtime_error{"no statement finished within the round"};
  auto count = static_cast<double>(latencies.size());
  return {count / wall.count(), percentile_us(latencies, 0.5), percentile_us(latencies, 0.99),
          cpu.count() * 1e3 / (count / 1e3)};
}

double median(std::vector<double> xs) {
  if (xs.empty())
    return 0;
  std::sort(xs.begin(), xs.end());
  auto half = xs.size() / 2;
  return xs.size() % 2 == 1 ? xs[half] : (xs[half - 1] + xs[half]) / 2;
}

} // namespace cenote::bench
