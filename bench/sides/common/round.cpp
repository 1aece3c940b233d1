#include "round.hpp"

#include <algorithm>
#include <cstdio>
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
  auto us = [](const timeval& time) {
    return std::chrono::seconds{time.tv_sec} + std::chrono::microseconds{time.tv_usec};
  };
  return us(used.ru_utime) + us(used.ru_stime);
}

double percentile_us(std::vector<answer>& answers, double share) {
  auto nth = answers.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(answers.size() - 1));
  std::ranges::nth_element(answers, nth, {}, &answer::took);
  return duration<double, std::micro>{nth->took}.count();
}

/// When the first answer came after the longest time without any.
double resumption(std::vector<answer>& answers, steady::time_point end) {
  std::ranges::sort(answers, {}, &answer::at);
  auto first = answers.front().at;
  auto longest = steady::duration::zero();
  for (size_t i = 1; i < answers.size(); ++i) {
    if (auto gap = answers[i].at - answers[i - 1].at; gap > longest) {
      longest = gap;
      first = answers[i].at;
    }
  }
  if (end - answers.back().at > longest)
    throw std::runtime_error{"no recovery: the longest time without an answer is that to the end of the round"};
  auto ago = steady::now() - first;
  return duration<double>{std::chrono::system_clock::now().time_since_epoch() - ago}.count();
}

/// The answers of all callers.
std::vector<answer> collect(const std::vector<caller>& crew) {
  std::vector<answer> all;
  for (const auto& member : crew) {
    if (!member.error().empty())
      throw std::runtime_error{member.error()};
    all.insert(all.end(), member.answers().begin(), member.answers().end());
  }
  if (all.empty())
    throw std::runtime_error{"no operation ended within the round"};
  return all;
}

} // namespace

figures measure(const options& opts, size_t callers,
                const std::function<void(std::vector<caller>&, const std::function<void()>&)>& run) {
  round_state state{opts};
  std::vector<caller> crew;
  crew.reserve(callers);
  for (size_t i = 0; i < callers; ++i)
    crew.emplace_back(state, i + 1);
  steady::time_point end;
  duration<double> wall{};
  duration<double, std::milli> cpu{};
  run(crew, [&] {
    std::this_thread::sleep_for(opts.warm_up);
    std::puts("ready");
    std::fflush(stdout);
    auto wall_before = steady::now();
    auto cpu_before = cpu_time();
    state.now = stage::measuring;
    std::this_thread::sleep_for(opts.measured);
    state.now = stage::over;
    cpu = cpu_time() - cpu_before;
    end = steady::now();
    wall = end - wall_before;
  });
  auto all = collect(crew);
  figures result{all.size(), wall.count(), percentile_us(all, 0.5), percentile_us(all, 0.99), cpu.count(), {}, 0};
  if (opts.load == workload::recovery)
    result.resumed_at = resumption(all, end);
  for (const auto& member : crew)
    result.errors += member.errors();
  return result;
}

} // namespace cenote::bench
