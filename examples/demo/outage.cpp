#include "demo/outage.hpp"

#include "demo/ask.hpp"

#include <chrono>
#include <string>
#include <thread>

namespace demo {

using namespace cenote;

size_t kill_all_connections(caf::actor_system& sys, const pool_actor& control) {
  auto run = [&](statement what) { return ask<result>(sys, control, execute_atom_v, std::move(what)); };
  auto sessions = run(read("SELECT id FROM information_schema.processlist"
                           " WHERE user = SUBSTRING_INDEX(CURRENT_USER(), '@', 1) AND id <> CONNECTION_ID()"));
  std::string ids = "0";
  for (auto session : sessions) {
    auto id = session.get<uint64_t>("id");
    ids += ", " + std::to_string(id);
    caf::scoped_actor self{sys};
    // One that has ended meanwhile cannot be killed, which is as good.
    self->request(control, caf::infinite, execute_atom_v, write("KILL ?", id))
        .receive([](const result&) {}, [](const caf::error&) {});
  }
  while (run(read("SELECT id FROM information_schema.processlist WHERE id IN (" + ids + ")")).size() > 0)
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  return sessions.size();
}

} // namespace demo
