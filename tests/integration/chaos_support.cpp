#include "integration/chaos_support.hpp"

#include <caf/send.hpp>

#include <stdexcept>
#include <utility>

namespace cenote::test {

caf::actor chaos_fixture::caller_of(const pool_actor& pool, statement query) {
  return system().spawn([pool, query = std::move(query)](caf::event_based_actor* self) {
    self->request(pool, caf::infinite, execute_atom_v, query).then([](const result&) {}, [](const caf::error&) {});
  });
}

void chaos_fixture::vanish(caf::actor& caller) {
  auto pointer = caf::actor_cast<caf::abstract_actor*>(caller);
  caf::anon_send_exit(caller, caf::exit_reason::kill);
  if (!eventually([&] { return pointer->getf(caf::abstract_actor::is_terminated_flag); }))
    throw std::runtime_error{"a caller does not end"};
  caller = nullptr;
}

failure chaos_fixture::fails(const pool_actor& on, statement query) {
  auto came = run(on, query);
  if (came)
    throw std::runtime_error{query.sql + " did not fail"};
  return came.error();
}

uint64_t chaos_fixture::session_of(const pool_actor& pool) {
  return must(pool, which_session())[0].get<uint64_t>(0);
}

uint64_t chaos_fixture::session_running(const std::string& pattern) {
  auto rows = must(admin(), read("SELECT ID FROM information_schema.PROCESSLIST"
                                 " WHERE ID <> CONNECTION_ID() AND INFO LIKE ?",
                                 pattern));
  if (rows.size() != 1)
    throw std::runtime_error{std::to_string(rows.size()) + " sessions run " + pattern};
  return rows[0].get<uint64_t>(0);
}

uint64_t chaos_fixture::count(const std::string& sql) {
  return must(admin(), read("SELECT CAST((" + sql + ") AS UNSIGNED)"))[0].get<uint64_t>(0);
}

} // namespace cenote::test
