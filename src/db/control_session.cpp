#include "db/control_session.hpp"

#include "db/guarded_call.hpp"
#include "db/identity.hpp"
#include "db/session.hpp"

#include <mysqld_error.h>

namespace cenote::db {

namespace {

/// Asks the server for its identity each time: a proxy may send every statement to another one. A running server never
/// gives the same id to two sessions, so nothing can come between the answer and the kill.
tl::expected<kill_outcome, driver_error> kill_if_here(MYSQL& session, const std::string& command,
                                                      const server_session& target) {
  if (target.server.instance.empty())
    return kill_outcome::elsewhere;
  auto id = std::to_string(target.id);
  auto answer = ask(session, "SELECT " + identity_columns(session, id) + " LIMIT 1", "the look at a session");
  if (!answer)
    return tl::unexpected{std::move(answer.error())};
  if (answer->size() != 3)
    return kill_outcome::elsewhere;
  auto here = identity_of((*answer)[0], (*answer)[1]);
  if (here.instance != target.server.instance)
    return kill_outcome::elsewhere;
  if (here.started != target.server.started)
    return kill_outcome::gone;
  if (const auto& client = (*answer)[2]; !client.empty() && client != target.client)
    return kill_outcome::elsewhere; // Impossible, unless two servers have the same identity.
  if (auto done = ask(session, command + id, "KILL"); !done) {
    if (done.error().number == ER_NO_SUCH_THREAD)
      return kill_outcome::gone;
    return tl::unexpected{std::move(done.error())};
  }
  return kill_outcome::done;
}

} // namespace

struct control_session::impl {
  session_ptr session;
  std::chrono::nanoseconds limit;
};

control_session::control_session(std::shared_ptr<impl> state) noexcept : impl_{std::move(state)} {
  // nop
}

control_session::control_session(control_session&&) noexcept = default;

control_session& control_session::operator=(control_session&&) noexcept = default;

control_session::~control_session() = default;

tl::expected<control_session, driver_error> control_session::open(const server_settings& server) {
  if (!is_guarded())
    return call_guarded<control_session>(server.connect_timeout, [server] { return open(server); });
  auto without_database = server;
  without_database.database.clear(); // It needs none, and must not count as a session in that database.
  auto session = log_in(without_database);
  if (!session)
    return tl::unexpected{std::move(session.error())};
  return control_session{std::make_shared<impl>(impl{std::move(*session), server.connect_timeout})};
}

tl::expected<kill_outcome, driver_error> control_session::stop_statement(const server_session& target) {
  return kill("KILL QUERY ", target);
}

tl::expected<kill_outcome, driver_error> control_session::end_session(const server_session& target) {
  return kill("KILL CONNECTION ", target);
}

tl::expected<kill_outcome, driver_error> control_session::kill(const std::string& command,
                                                               const server_session& target) {
  auto run = [state = impl_, command, target] { return kill_if_here(*state->session, command, target); };
  return is_guarded() ? run() : call_guarded<kill_outcome>(impl_->limit, run);
}

} // namespace cenote::db
