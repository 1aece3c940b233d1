#include "simulation/weather.hpp"

#include <string>
#include <utility>

namespace cenote::simulation {

using namespace std::chrono_literals;

// -- network and server --------------------------------------------------------------

weather::weather(world& all) : all_{all}, random_{all.how.seed, 6} {
  auto& with = all.how.with;
  using state = model_server::endpoint_state;
  add_if(with.cuts, [this] {
    if (auto x = any_wire())
      x->cut();
  });
  add_if(with.silences, [this] {
    auto how_long = random_.up_to(random_.one_in(4) ? 3s : 2 * all_.how.connect_timeout);
    auto dies = random_.one_in(2);
    if (random_.one_in(4)) {
      for (auto& x : all_.wires)
        if (x->is_up())
          x->go_silent(how_long, dies);
    } else if (auto x = any_wire()) {
      x->go_silent(how_long, dies);
    }
  });
  add_if(with.congestion, [this] {
    if (auto x = any_wire())
      x->congest(random_.up_to(50ms));
  });
  add_if(with.restarts, [this] {
    auto x = any_endpoint();
    all_.log.step("server", "restarts endpoint " + std::to_string(x));
    all_.server.restart(x);
    if (random_.one_in(2))
      for_a_while(&state::away);
  });
  add_if(with.demotions, [this] { for_a_while(&state::read_only); });
  add_if(with.refusals, [this] { for_a_while(random_.one_in(3) ? &state::refuses_login : &state::full); });
  add_if(with.kills, [this] {
    auto x = all_.server.any_session();
    if (x == server_session_id{})
      return;
    random_.one_in(2) ? all_.server.kill_query(x, false) : all_.server.kill_session(x);
  });
  add_if(with.freezes, [this] {
    auto x = any_endpoint();
    all_.log.step("server", "freezes endpoint " + std::to_string(x));
    all_.server.endpoint(x).frozen_until = all_.now() + random_.up_to(random_.one_in(4) ? 2s : 100ms);
  });
}

void weather::add_if(bool wanted, std::function<void()> what) {
  if (wanted)
    faults_.push_back(std::move(what));
}

void weather::start() {
  if (all_.how.fault_gap > 0 && !faults_.empty())
    next();
}

void weather::next() {
  all_.time.after(random_.up_to(std::chrono::microseconds{2 * all_.how.fault_gap}), [this] {
    if (all_.calm)
      return;
    faults_[random_.below(faults_.size())]();
    next();
  });
}

void weather::for_a_while(bool model_server::endpoint_state::*what) {
  auto x = any_endpoint();
  all_.log.step("server", "something is wrong with endpoint " + std::to_string(x) + " for a while");
  all_.server.endpoint(x).*what = true;
  all_.time.after(random_.up_to(random_.one_in(4) ? 1s : 60ms), [this, x, what] {
    all_.log.step("server", "it is over at endpoint " + std::to_string(x));
    all_.server.endpoint(x).*what = false;
  });
}

wire* weather::any_wire() {
  size_t count = 0;
  for (auto& x : all_.wires)
    count += x->is_up();
  auto n = count == 0 ? 0 : random_.below(count);
  for (auto& x : all_.wires)
    if (x->is_up() && n-- == 0)
      return x.get();
  return nullptr;
}

void weather::calm_down() {
  all_.log.step("weather", "calms down");
  all_.calm = true;
  for (size_t x = 0; x < all_.how.servers; ++x)
    all_.server.endpoint(x) = {};
}

// -- people --------------------------------------------------------------------------

/// All that may change and that callers do not see: how long they wait at most stays as it is.
pool_settings operators::changed_rules() {
  auto result = all_.how.rules;
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
  if (all_.how.with.early_drain && random_.one_in(3)) {
    auto limit = random_.one_in(3) ? 0ns : random_.up_to(500ms);
    all_.time.after(random_.up_to(200ms), [this, limit] {
      if (!pool_.is_draining())
        pool_.drain(limit);
    });
  }
  if (all_.how.with.operators)
    next();
}

void operators::next() {
  all_.time.after(random_.up_to(400ms), [this] {
    if (all_.calm || pool_.is_draining())
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
  all_.time.after(random_.up_to(100ms), [this] { pool_.resume(); });
}

} // namespace cenote::simulation
