#include "simulation/canceller.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace cenote::simulation {

bool canceller::reaches(size_t endpoint) {
  return !all_.server.endpoint(endpoint).away && !(all_.how.with.lost_stops && !all_.calm && random_.one_in(6));
}

void canceller::stop(server_session_id what, size_t endpoint, std::function<void(bool)> then) {
  if (!reaches(endpoint)) {
    auto too_late = random_.up_to(all_.how.connect_timeout);
    if (random_.one_in(4)) // The server is told, but its answer is lost.
      all_.time.after(random_.up_to(too_late), [this, what] { all_.server.kill_query(what, false); });
    all_.time.after(too_late, [f = std::move(then)] { f(false); });
    return;
  }
  auto there = random_.up_to(random_.one_in(10) ? all_.how.connect_timeout : 4 * all_.how.network_delay);
  all_.time.after(there, [this, what, f = std::move(then)]() mutable {
    all_.server.kill_query(what, true);
    all_.time.after(random_.up_to(2 * all_.how.network_delay), [g = std::move(f)] { g(true); });
  });
}

void canceller::end(server_session_id what, size_t endpoint) {
  server_session target;
  target.id = static_cast<uint32_t>(what);
  target.server.instance = std::to_string(endpoint);
  if (!orphans_.add(std::move(target), all_.now()))
    all_.log.object("too many sessions wait for their end");
  next();
}

void canceller::next() {
  auto when = orphans_.next_attempt();
  if (orphans_.empty() || when >= armed_for_)
    return;
  armed_for_ = when;
  all_.time.at(std::max(when, all_.now()) + random_.up_to(4 * all_.how.network_delay), [this] {
    armed_for_ = time_point::max();
    for (auto& x : orphans_.all())
      if (reaches(std::stoul(x.server.instance))) {
        all_.server.kill_session(server_session_id{static_cast<uint32_t>(x.id)});
        orphans_.settled(x);
      }
    orphans_.attempted(all_.now());
    next();
  });
}

} // namespace cenote::simulation
