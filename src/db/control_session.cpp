#include "db/control_session.hpp"

#include "db/guarded_call.hpp"
#include "db/identity.hpp"
#include "db/session.hpp"

#include <mysqld_error.h>

namespace cenote::db {

namespace {

/// Asks the server each time who it is: a proxy may send every statement to another one. While a server runs it gives
/// no id to two sessions, so that nothing can come between the answer and the kill.
tl::expected<kill_outcome, driver_error> kill_if_here(MYSQL& session, const std::string& what,
                                                      const server_session& whose) {
  if (whose.server.instance.empty())
    return kill_outcome::elsewhere;
  auto id = std::to_string(whose.id);
  auto answer = ask(session, "SELECT " + identity_columns(session, id) + " LIMIT 1", "the look at a session");
  if (!answer)
    return tl::unexpected{std::move(answer.error())};
  if (answer->size() != 3)
    return kill_outcome::elsewhere;
  auto here = identity_of((*answer)[0], (*answer)[1]);
  if (here.instance != whose.server.instance)
    return kill_outcome::elsewhere;
  if (here.started != whose.server.started)
    return kill_outcome::gone;
  if (const auto& client = (*answer)[2]; !client.empty() && client != whose.client)
    return kill_outcome::elsewhere; // Cannot be, unless two servers pass for one.
  if (auto done = ask(session, what + id, "KILL"); !done) {
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

control_session::control_session(std::shared_ptr<impl> x) noexcept : impl_{std::move(x)} {
  // nop
}

control_session::control_session(control_session&&) noexcept = default;

control_session& control_session::operator=(control_session&&) noexcept = default;

control_session::~control_session() = default;

tl::expected<control_session, driver_error> control_session::open(const server_settings& where) {
  if (!is_guarded())
    return call_guarded<control_session>(where.connect_timeout, [where] { return open(where); });
  auto elsewhere = where;
  elsewhere.database.clear(); // It needs none, and whoever counts the sessions in a database does not mean it.
  auto session = log_in(elsewhere);
  if (!session)
    return tl::unexpected{std::move(session.error())};
  return control_session{std::make_shared<impl>(impl{std::move(*session), where.connect_timeout})};
}

tl::expected<kill_outcome, driver_error> control_session::stop_statement(const server_session& whose) {
  return kill("KILL QUERY ", whose);
}

tl::expected<kill_outcome, driver_error> control_session::end_session(const server_session& whose) {
  return kill("KILL CONNECTION ", whose);
}

tl::expected<kill_outcome, driver_error> control_session::kill(const std::string& what, const server_session& whose) {
  auto run = [x = impl_, what, whose] { return kill_if_here(*x->session, what, whose); };
  return is_guarded() ? run() : call_guarded<kill_outcome>(impl_->limit, run);
}

} // namespace cenote::db
