#include "simulation/canceller.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace cenote::simulation {

bool canceller::reaches(size_t endpoint) {
  return !world_.server.endpoint(endpoint).away
         && !(world_.run_plan.with.lost_stops && !world_.calm && random_.one_in(6));
}

void canceller::stop(server_session_id session, size_t endpoint, std::function<void(bool)> then) {
  if (!reaches(endpoint)) {
    auto too_late = random_.up_to(world_.run_plan.connect_timeout);
    if (random_.one_in(4)) // The server gets the request, but its answer is lost.
      world_.time.after(random_.up_to(too_late), [this, session] { world_.server.kill_query(session, false); });
    world_.time.after(too_late, [done = std::move(then)] { done(false); });
    return;
  }
  auto there = random_.up_to(random_.one_in(10) ? world_.run_plan.connect_timeout : 4 * world_.run_plan.network_delay);
  world_.time.after(there, [this, session, done = std::move(then)]() mutable {
    world_.server.kill_query(session, true);
    world_.time.after(random_.up_to(2 * world_.run_plan.network_delay), [done = std::move(done)] { done(true); });
  });
}

void canceller::end(server_session_id session, size_t endpoint) {
  server_session target;
  target.id = static_cast<uint32_t>(session);
  target.server.instance = std::to_string(endpoint);
  if (!orphans_.add(std::move(target), world_.now()))
    world_.log.object("too many sessions wait for their end");
  next();
}

void canceller::next() {
  auto due = orphans_.next_attempt();
  if (orphans_.empty() || due >= armed_for_)
    return;
  armed_for_ = due;
  world_.time.at(std::max(due, world_.now()) + random_.up_to(4 * world_.run_plan.network_delay), [this] {
    armed_for_ = time_point::max();
    for (auto& orphan : orphans_.all())
      if (reaches(std::stoul(orphan.server.instance))) {
        world_.server.kill_session(server_session_id{static_cast<uint32_t>(orphan.id)});
        orphans_.settled(orphan);
      }
    orphans_.attempted(world_.now());
    next();
  });
}

} // namespace cenote::simulation
