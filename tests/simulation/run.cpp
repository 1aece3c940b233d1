#include "simulation/run.hpp"

#include "simulation/caller.hpp"
#include "simulation/retrier.hpp"
#include "simulation/simulated_pool.hpp"
#include "simulation/weather.hpp"
#include "simulation/world.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace cenote::simulation {

using namespace std::chrono_literals;

namespace {

/// More than any run needs: something goes round and round.
constexpr uint64_t max_events = 2'000'000;

class run {
public:
  run(const plan& how, std::FILE* out)
      : all_{how, out}, pool_{all_}, retries_{all_, pool_}, weather_{all_}, people_{all_, pool_} {
    for (size_t i = 0; i < how.callers; ++i)
      if ((how.absent >> i & 1) == 0)
        callers_.push_back(std::make_unique<caller>(all_, pool_, retries_, i));
  }

  run_report play() {
    all_.log.step("plan", all_.how.describe());
    pool_.start();
    weather_.start();
    people_.start();
    for (auto& x : callers_)
      x->start();
    auto calm = [this] { return std::ranges::all_of(callers_, [](auto& x) { return x->is_done(); }); };
    if (!go_on_until(calm, 5min))
      all_.log.object("the callers do not come to an end");
    weather_.calm_down();
    if (!pool_.is_draining()) {
      if (!go_on_until([this] { return is_at_rest(); }, 10s)) // Less than after what the server ends idle sessions.
        all_.log.object("the pool does not come to rest: " + to_string(pool_.status()));
      pool_.drain(1s);
    }
    if (!go_on_until([this] { return pool_.has_finished(); }, 10s))
      all_.log.object("the drain does not come to an end");
    go_on_until([] { return false; }, 5s);
    if (auto who = all_.server.who_has_locks(); who != server_session_id{})
      all_.log.object("server session " + std::to_string(static_cast<uint32_t>(who)) + " still has locks");
    go_on_until([] { return false; }, 1min);
    check_the_end();
    return {all_.log.problem(), all_.time.count(), all_.books.answers()};
  }

private:
  /// @returns whether it came to that within so long.
  template <class Condition>
  bool go_on_until(Condition reached, duration limit) {
    auto end = all_.now() + limit;
    while (!reached()) {
      if (all_.time.next() > end || !all_.log.problem().empty())
        return false;
      if (all_.time.count() > max_events) {
        all_.log.object("there is no end to it");
        return false;
      }
      all_.time.run_next();
    }
    return true;
  }

  bool is_at_rest() const {
    auto now = pool_.status();
    return now.in_flight == 0 && now.waiting == 0 && now.checked_out == 0;
  }

  void check_the_end() {
    if (!all_.log.problem().empty())
      return;
    auto now = pool_.status();
    if (now.total_connections + now.connecting + now.in_flight + now.waiting > 0)
      all_.log.object("the pool has ended, but has not closed all: " + to_string(now));
    if (all_.server.open_sessions() > 0)
      all_.log.object("there are sessions left at the server");
    for (auto& x : callers_)
      x->close_books();
    all_.books.close();
  }

  world all_;
  simulated_pool pool_;
  retrier retries_;
  weather weather_;
  operators people_;
  std::vector<std::unique_ptr<caller>> callers_;
};

} // namespace

run_report play(const plan& how, std::FILE* out) {
  auto it = std::make_unique<run>(how, out);
  return it->play();
}

std::string kind_of_problem(const std::string& problem) {
  auto result = problem.substr(0, problem.find(':'));
  std::erase_if(result, [](char x) { return x >= '0' && x <= '9'; });
  return result;
}

plan shorten(const plan& how, const std::string& problem) {
  auto best = how;
  auto fails = [&](const plan& x) { return kind_of_problem(play(x).problem) == kind_of_problem(problem); };
  auto better = [&](auto change) {
    auto other = best;
    change(other);
    if (fails(other))
      best = other;
  };
  for (auto& x : all_ingredients())
    if (best.with.*x.member)
      better([&](plan& y) { y.with.*x.member = false; });
  // Halves, quarters ... of the callers, then each alone.
  for (auto size = std::max<size_t>(best.callers / 2, 1); size > 0; size /= 2)
    for (size_t first = 0; first < best.callers; first += size) {
      auto group = ((uint64_t{1} << size) - 1) << first;
      if ((best.absent & group) != group)
        better([&](plan& y) { y.absent |= group; });
    }
  for (auto step = best.rounds / 2; step > 0; step /= 2)
    if (best.rounds > step)
      better([&](plan& y) { y.rounds -= step; });
  for (auto& x : all_ingredients())
    if (best.with.*x.member)
      better([&](plan& y) { y.with.*x.member = false; });
  return best;
}

} // namespace cenote::simulation
