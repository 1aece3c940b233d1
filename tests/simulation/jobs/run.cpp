#include "simulation/jobs/run.hpp"

#include "simulation/jobs/caller.hpp"
#include "simulation/jobs/watch.hpp"
#include "simulation/jobs/weather.hpp"
#include "simulation/jobs/work.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace cenote::job_simulation {

using namespace std::chrono_literals;

namespace {

/// More than any run needs: an endless loop otherwise.
constexpr uint64_t max_events = 5'000'000;

/// Longer than any request with a limit may be without an answer.
constexpr auto longest_request = 65s;

class operators : public client {
public:
  explicit operators(world& shared) : world_{shared} {
    // nop
  }

  void post(std::function<void()> event) override { world_.time.after(0ns, std::move(event)); }

  void resume_all() {
    for (size_t queue = 0; queue < world_.run_plan.queues; ++queue)
      resume(queue);
  }

  void remove_schedules() {
    for (size_t i = 1; i <= world_.run_plan.periodic_jobs; ++i)
      world_.server.ask(
          *this, world_.rows.remove_periodic(static_cast<uint32_t>(i)), [](size_t) {},
          [this](request_failure) { world_.log.object("a calm server refuses to remove a periodic job"); });
  }

private:
  void resume(size_t queue) {
    if (world_.rows.is_paused(queue))
      world_.server.ask(
          *this, world_.rows.set_paused(queue, false), [](int) {},
          [this, queue](request_failure) { world_.time.after(100ms, [this, queue] { resume(queue); }); });
  }

  world& world_;
};

class run {
public:
  run(const plan& run_plan, std::FILE* out) : world_{run_plan, out} {
    for (size_t i = 0; i < run_plan.callers; ++i)
      if ((run_plan.absent >> i & 1) == 0)
        callers_.push_back(std::make_unique<caller>(world_, i));
  }

  run_report play() {
    world_.log.step("plan", world_.run_plan.describe());
    weather_.start();
    watch_.start();
    for (auto& started : callers_)
      started->start();
    storm();
    calm();
    quiet();
    return {world_.log.problem(), world_.time.count(), world_.claims.counted()};
  }

private:
  bool is_wrong() const { return !world_.log.problem().empty(); }

  void storm() {
    auto callers_are_done = [this] { return std::ranges::all_of(callers_, [](auto& one) { return one->is_done(); }); };
    if (!go_on_until(callers_are_done, 10min))
      world_.log.object("the callers do not come to an end");
    go_on_for(world_.run_plan.storm);
    weather_.calm_down();
    if (!go_on_until([this] { return weather_.all_are_up(); }, 5min))
      world_.log.object("the nodes do not come back");
    // Queues are paused for less than that, and callers do not repeat anything for longer.
    go_on_for(10s);
    if (world_.run_plan.with.silences && world_.run_plan.fault_gap > 0ns)
      go_on_for(longest_request);
    operators_.resume_all();
    // Lost nodes are noticed, and what they had comes back.
    go_on_for(2 * world_.run_plan.rules.lease + 2s);
  }

  void calm() {
    if (is_wrong())
      return;
    world_.log.step("weather", "is calm");
    world_.claims.calm_down();
    watch_.expect_progress();
    submit_wave();
    go_on_for(20s);
    operators_.remove_schedules();
    if (!go_on_until([this] { return world_.claims.open() == 0; }, 10min))
      world_.log.object("some jobs do not come to an end: " + first_open());
  }

  /// More jobs than can be done at once, and some that come due meanwhile.
  void submit_wave() {
    simulation::dice random{world_.run_plan.seed, 5};
    for (size_t i = 0; i < world_.run_plan.wave; ++i) {
      auto work = random_terms(world_, random);
      auto later = random.up_to(2s);
      world_.time.after(later, [this, work, which = random.next()] {
        std::vector<node*> up;
        for (auto& one : world_.nodes)
          if (one->is_up())
            up.push_back(one.get());
        up[which % up.size()]->submit(
            work, [this, work](job_no holder) { world_.claims.acknowledged(work.id, holder); },
            [this](request_failure) { world_.log.object("a submission fails though all is calm"); });
      });
    }
  }

  /// Nothing is left to do: old jobs are removed, and nodes ask little.
  void quiet() {
    if (is_wrong())
      return;
    auto& rules = world_.run_plan.rules;
    auto longest = std::max(rules.keep_done, rules.keep_failed) + 10s + 13 * (rules.lease / 2) + 5s;
    if (!go_on_until([this] { return world_.rows.rows().empty(); }, longest))
      world_.log.object("old jobs are not removed");
    go_on_for(rules.poll_longest * 5); // The pauses grow.
    watch_.begin_idle_time();
    go_on_for(1min);
    watch_.end_idle_time();
    if (!is_wrong())
      world_.claims.close();
  }

  std::string first_open() const {
    for (auto& [id, row] : world_.rows.rows())
      if (!has_ended(row.state))
        return name_of(id) + " is in state " + std::to_string(static_cast<int>(row.state)) + " with attempt "
               + std::to_string(row.attempt) + " of node name " + std::to_string(static_cast<uint32_t>(row.node));
    return "they are not there";
  }

  void go_on_for(duration span) {
    go_on_until([] { return false; }, span);
  }

  /// @returns whether the condition was met within the limit.
  template <class Condition>
  bool go_on_until(Condition reached, duration limit) {
    auto end = world_.now() + limit;
    while (!reached()) {
      if (world_.time.next() > end || is_wrong())
        return false;
      if (world_.time.count() > max_events) {
        world_.log.object("there is no end to it");
        return false;
      }
      world_.time.run_next();
    }
    return true;
  }

  world world_;
  weather weather_{world_};
  watch watch_{world_};
  operators operators_{world_};
  std::vector<std::unique_ptr<caller>> callers_;
};

} // namespace

run_report play(const plan& run_plan, std::FILE* out) {
  auto played = std::make_unique<run>(run_plan, out);
  return played->play();
}

} // namespace cenote::job_simulation
