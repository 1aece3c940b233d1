#include "simulation/weather.hpp"

#include <string>
#include <utility>

namespace cenote::simulation {

using namespace std::chrono_literals;

// -- network and server --------------------------------------------------------------

weather::weather(world& world) : world_{world}, random_{world.run_plan.seed, 6} {
  auto& with = world.run_plan.with;
  using state = model_server::endpoint_state;
  add_if(with.cuts, [this] {
    if (auto chosen = any_wire())
      chosen->cut();
  });
  add_if(with.silences, [this] {
    auto length = random_.up_to(random_.one_in(4) ? 3s : 2 * world_.run_plan.connect_timeout);
    auto dies = random_.one_in(2);
    if (random_.one_in(4)) {
      for (auto& chosen : world_.wires)
        if (chosen->is_up())
          chosen->go_silent(length, dies);
    } else if (auto chosen = any_wire()) {
      chosen->go_silent(length, dies);
    }
  });
  add_if(with.congestion, [this] {
    if (auto chosen = any_wire())
      chosen->congest(random_.up_to(50ms));
  });
  add_if(with.restarts, [this] {
    auto endpoint = any_endpoint();
    world_.log.step("server", "restarts endpoint " + std::to_string(endpoint));
    world_.server.restart(endpoint);
    if (random_.one_in(2))
      for_a_while(&state::away);
  });
  add_if(with.demotions, [this] { for_a_while(&state::read_only); });
  add_if(with.refusals, [this] { for_a_while(random_.one_in(3) ? &state::refuses_login : &state::full); });
  add_if(with.kills, [this] {
    auto victim = world_.server.any_session();
    if (victim == server_session_id{})
      return;
    random_.one_in(2) ? world_.server.kill_query(victim, false) : world_.server.kill_session(victim);
  });
  add_if(with.freezes, [this] {
    auto endpoint = any_endpoint();
    world_.log.step("server", "freezes endpoint " + std::to_string(endpoint));
    world_.server.endpoint(endpoint).frozen_until = world_.now() + random_.up_to(random_.one_in(4) ? 2s : 100ms);
  });
}

void weather::add_if(bool enabled, std::function<void()> fault) {
  if (enabled)
    faults_.push_back(std::move(fault));
}

void weather::start() {
  if (world_.run_plan.fault_gap > 0 && !faults_.empty())
    next();
}

void weather::next() {
  world_.time.after(random_.up_to(std::chrono::microseconds{2 * world_.run_plan.fault_gap}), [this] {
    if (world_.calm)
      return;
    faults_[random_.below(faults_.size())]();
    next();
  });
}

void weather::for_a_while(bool model_server::endpoint_state::*fault) {
  auto endpoint = any_endpoint();
  world_.log.step("server", "something is wrong with endpoint " + std::to_string(endpoint) + " for a while");
  world_.server.endpoint(endpoint).*fault = true;
  world_.time.after(random_.up_to(random_.one_in(4) ? 1s : 60ms), [this, endpoint, fault] {
    world_.log.step("server", "it is over at endpoint " + std::to_string(endpoint));
    world_.server.endpoint(endpoint).*fault = false;
  });
}

wire* weather::any_wire() {
  size_t count = 0;
  for (auto& candidate : world_.wires)
    count += candidate->is_up();
  auto n = count == 0 ? 0 : random_.below(count);
  for (auto& candidate : world_.wires)
    if (candidate->is_up() && n-- == 0)
      return candidate.get();
  return nullptr;
}

void weather::calm_down() {
  world_.log.step("weather", "calms down");
  world_.calm = true;
  for (size_t endpoint = 0; endpoint < world_.run_plan.servers; ++endpoint)
    world_.server.endpoint(endpoint) = {};
}

// -- people --------------------------------------------------------------------------

/// All settings whose change callers do not see: their longest wait stays as it is.
pool_settings operators::changed_rules() {
  auto result = world_.run_plan.rules;
  result.size = changes_.between(1, 5);
  result.max_overflow = changes_.below(4);
  result.min_size = changes_.one_in(2) ? std::nullopt : std::optional<size_t>{changes_.below(result.size + 1)};
  result.max_connecting = changes_.between(1, 4);
  result.idle_timeout = changes_.up_to(300ms);
  result.keepalive = changes_.one_in(2) ? 0ns : 1ms + changes_.up_to(400ms);
  result.recycle = changes_.one_in(2) ? 0ns : 10ms + changes_.up_to(2s);
  result.max_waiting = changes_.one_in(4) ? changes_.between(1, 6) : 1000;
  result.shed_target = changes_.one_in(2) ? 0ns : 1ms + changes_.up_to(30ms);
  return result;
}

void operators::start() {
  if (world_.run_plan.with.early_drain && random_.one_in(3)) {
    auto limit = random_.one_in(3) ? 0ns : random_.up_to(500ms);
    world_.time.after(random_.up_to(200ms), [this, limit] {
      if (!pool_.is_draining())
        pool_.drain(limit);
    });
  }
  if (world_.run_plan.with.operators)
    next();
  if (world_.run_plan.rules.budget.connections > 0)
    next_share();
}

/// What several pools agree on. It also changes while everything else is calm: a share is never final.
void operators::next_share() {
  world_.time.after(shares_.up_to(shares_.one_in(3) ? 300ms : 20ms), [this] {
    if (pool_.has_finished())
      return;
    pool_.set_budget(shares_.between(1, 9));
    if (!world_.calm)
      next_share();
  });
}

void operators::next() {
  world_.time.after(random_.up_to(400ms), [this] {
    if (world_.calm || pool_.is_draining())
      return;
    act();
    next();
  });
}

void operators::act() {
  if (changes_.one_in(3))
    pool_.reconfigure(changed_rules(), changes_.one_in(2));
  if (random_.one_in(2)) {
    pool_.dispose();
    return;
  }
  pool_.pause();
  world_.time.after(random_.up_to(100ms), [this] { pool_.resume(); });
}

} // namespace cenote::simulation
