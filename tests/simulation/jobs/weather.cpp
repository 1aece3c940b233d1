#include "simulation/jobs/weather.hpp"

#include "simulation/jobs/work.hpp"

#include <algorithm>
#include <memory>
#include <utility>

namespace cenote::job_simulation {

using namespace std::chrono_literals;

weather::weather(world& shared)
    : world_{shared}, random_{shared.run_plan.seed, 3}, incarnations_(shared.run_plan.nodes) {
  auto& with = shared.run_plan.with;
  auto lease = shared.run_plan.rules.lease;
  world_.kill = [this](node& victim) {
    if (!victim.is_up())
      return;
    victim.kill();
    restart_later(victim);
  };
  add_if(with.kills, [this] {
    if (auto victim = any_node())
      world_.kill(*victim);
  });
  add_if(with.freezes, [this, lease] {
    auto span = random_.one_in(3) ? lease * 3 : lease;
    if (auto victim = any_node())
      victim->freeze(random_.up_to(span));
  });
  add_if(with.freezes, [this, lease] {
    if (auto victim = any_node())
      victim->freeze(lease + random_.up_to(2 * lease));
  });
  add_if(with.cuts, [this] {
    if (auto victim = any_node()) {
      world_.log.step(victim->name(), "its connections are cut");
      world_.server.cut(*victim);
    }
  });
  add_if(with.silences, [this] {
    if (auto victim = any_node()) {
      world_.log.step(victim->name(), "some of its connections are silent");
      world_.server.silence(*victim);
    }
  });
  add_if(with.restarts, [this, lease] { world_.server.restart(random_.up_to(random_.one_in(3) ? 3 * lease : 1s)); });
  add_if(with.slowness, [this] {
    auto most = random_.up_to(random_.one_in(3) ? 6s : 500ms);
    world_.server.slow_down(most, random_.up_to(5s));
  });
  add_if(with.drains, [this] {
    auto limit = random_.up_to(3s);
    if (auto victim = any_node(); victim != nullptr && !victim->is_frozen()) {
      victim->drain(limit);
      restart_later(*victim);
    }
  });
  add_if(with.handler_ends, [this] {
    auto kind = random_.below(world_.run_plan.kinds);
    auto pause = random_.up_to(5s);
    auto victim = any_node();
    if (victim == nullptr || !victim->has_handler(kind))
      return;
    victim->lose_handler(kind);
    world_.time.after(pause, [victim, kind] { victim->gain_handler(kind); });
  });
}

void weather::add_if(bool enabled, std::function<void()> fault) {
  if (enabled)
    faults_.push_back(std::move(fault));
}

void weather::start() {
  simulation::dice of_schedules{world_.run_plan.seed, 4};
  for (size_t i = 0; world_.run_plan.with.periodic && i < world_.run_plan.periodic_jobs; ++i)
    schedules_.push_back(random_schedule(world_, of_schedules, static_cast<uint32_t>(i + 1)));
  for (size_t i = 0; i < world_.run_plan.nodes; ++i)
    start_node(i);
  if (world_.run_plan.fault_gap > 0ns && !faults_.empty())
    next();
}

void weather::next() {
  world_.time.after(random_.up_to(2 * world_.run_plan.fault_gap), [this] {
    if (world_.calm)
      return;
    faults_[random_.below(faults_.size())]();
    next();
  });
}

void weather::start_node(size_t index) {
  world_.nodes.push_back(std::make_unique<node>(world_, index, incarnations_[index]++));
  auto& started = *world_.nodes.back();
  started.start();
  // As applications do at each start.
  for (auto& row : schedules_)
    if (!world_.calm)
      started.submit_periodic(row);
}

void weather::restart_later(node& ended) {
  auto pause = random_.up_to(random_.one_in(4) ? 10s : 500ms);
  world_.time.after(world_.calm ? 10ms : pause, [this, &ended] {
    if (ended.is_up()) // It still drains.
      restart_later(ended);
    else if (current(ended.index()) == &ended) // Otherwise it was killed while it drained, and has a successor.
      start_node(ended.index());
  });
}

node* weather::current(size_t index) const {
  auto found =
      std::find_if(world_.nodes.rbegin(), world_.nodes.rend(), [index](auto& one) { return one->index() == index; });
  return found == world_.nodes.rend() ? nullptr : found->get();
}

node* weather::any_node() {
  auto chosen = current(random_.below(world_.run_plan.nodes));
  return chosen->is_up() && !chosen->is_draining() ? chosen : nullptr;
}

void weather::calm_down() {
  world_.log.step("weather", "calms down");
  world_.calm = true;
  world_.server.calm_down();
}

bool weather::all_are_up() const {
  for (size_t i = 0; i < world_.run_plan.nodes; ++i)
    if (auto one = current(i); !one->is_up() || one->is_draining() || one->is_frozen())
      return false;
  return true;
}

} // namespace cenote::job_simulation
