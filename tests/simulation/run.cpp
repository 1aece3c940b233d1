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

/// More than any run needs: an endless loop otherwise.
constexpr uint64_t max_events = 2'000'000;

class run {
public:
  run(const plan& run_plan, std::FILE* out)
      : world_{run_plan, out}, pool_{world_}, retries_{world_, pool_}, weather_{world_}, people_{world_, pool_} {
    for (size_t i = 0; i < run_plan.callers; ++i)
      if ((run_plan.absent >> i & 1) == 0)
        callers_.push_back(std::make_unique<caller>(world_, pool_, retries_, i));
  }

  run_report play() {
    world_.log.step("plan", world_.run_plan.describe());
    pool_.start();
    weather_.start();
    people_.start();
    for (auto& started : callers_)
      started->start();
    auto calm = [this] { return std::ranges::all_of(callers_, [](auto& one) { return one->is_done(); }); };
    if (!go_on_until(calm, 5min))
      world_.log.object("the callers do not come to an end");
    weather_.calm_down();
    if (!pool_.is_draining()) {
      if (!go_on_until([this] { return is_at_rest(); }, 10s)) // Less than after what the server ends idle sessions.
        world_.log.object("the pool does not come to rest: " + to_string(pool_.status()));
      pool_.drain(1s);
    }
    if (!go_on_until([this] { return pool_.has_finished(); }, 10s))
      world_.log.object("the drain does not come to an end");
    go_on_until([] { return false; }, 5s);
    if (auto owner = world_.server.any_lock_owner(); owner != server_session_id{})
      world_.log.object("server session " + std::to_string(static_cast<uint32_t>(owner)) + " still has locks");
    go_on_until([] { return false; }, 1min);
    check_the_end();
    return {world_.log.problem(), world_.time.count(), world_.books.answers()};
  }

private:
  /// @returns whether the condition was met within the limit.
  template <class Condition>
  bool go_on_until(Condition reached, duration limit) {
    auto end = world_.now() + limit;
    while (!reached()) {
      if (world_.time.next() > end || !world_.log.problem().empty())
        return false;
      if (world_.time.count() > max_events) {
        world_.log.object("there is no end to it");
        return false;
      }
      world_.time.run_next();
    }
    return true;
  }

  bool is_at_rest() const {
    auto now = pool_.status();
    return now.in_flight == 0 && now.waiting == 0 && now.checked_out == 0;
  }

  void check_the_end() {
    if (!world_.log.problem().empty())
      return;
    auto now = pool_.status();
    if (now.total_connections + now.connecting + now.in_flight + now.waiting > 0)
      world_.log.object("the pool has ended, but has not closed all: " + to_string(now));
    if (world_.server.open_sessions() > 0)
      world_.log.object("there are sessions left at the server");
    for (auto& ended : callers_)
      ended->close_books();
    world_.books.close();
  }

  world world_;
  simulated_pool pool_;
  retrier retries_;
  weather weather_;
  operators people_;
  std::vector<std::unique_ptr<caller>> callers_;
};

} // namespace

run_report play(const plan& run_plan, std::FILE* out) {
  auto played = std::make_unique<run>(run_plan, out);
  return played->play();
}

} // namespace cenote::simulation
