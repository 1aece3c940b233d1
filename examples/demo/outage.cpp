#include "demo/outage.hpp"

#include "demo/ask.hpp"

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <thread>
#include <vector>

namespace demo {

using namespace cenote;
using namespace std::chrono_literals;

namespace {

/// Locks all rows, and the place where the log grows.
statement lock_for_a_while(const std::string& database) {
  return write("BEGIN NOT ATOMIC START TRANSACTION; UPDATE " + database
               + ".manga SET link = link;"
                 " SELECT MAX(id) INTO @last FROM "
               + database + ".scrape_log FOR UPDATE; DO SLEEP(0.3); ROLLBACK; END");
}

std::vector<uint64_t> sessions_in(caf::actor_system& sys, const pool_actor& control, const std::string& database) {
  auto rows = ask<result>(sys, control, execute_atom_v,
                          read("SELECT id FROM information_schema.processlist WHERE db = ?", database));
  std::vector<uint64_t> out;
  for (auto row : rows)
    out.push_back(row.get<uint64_t>("id"));
  return out;
}

/// Ends the session. One that has ended meanwhile cannot be killed, which is as good.
void kill(caf::actor_system& sys, const pool_actor& control, uint64_t session) {
  caf::scoped_actor self{sys};
  self->request(control, caf::infinite, execute_atom_v, write("KILL ?", session))
      .receive([](const result&) {}, [](const caf::error&) {});
}

bool exists(caf::actor_system& sys, const pool_actor& control, uint64_t session) {
  return !ask<result>(sys, control, execute_atom_v,
                      read("SELECT id FROM information_schema.processlist WHERE id = ?", session))
              .empty();
}

} // namespace

size_t cut_all_sessions(caf::actor_system& sys, const pool_actor& control, const std::string& database) {
  caf::scoped_actor self{sys};
  auto lock = self->request(control, caf::infinite, execute_atom_v, lock_for_a_while(database));
  // Readers are still served: a moment later all connections are held by waiting writers.
  std::this_thread::sleep_for(200ms);
  auto sessions = sessions_in(sys, control, database);
  for (auto id : sessions)
    kill(sys, control, id);
  for (auto id : sessions)
    while (exists(sys, control, id))
      std::this_thread::sleep_for(1ms);
  lock.receive([](const result&) {}, [](const caf::error& error) { throw std::runtime_error{describe(error)}; });
  return sessions.size();
}

} // namespace demo
