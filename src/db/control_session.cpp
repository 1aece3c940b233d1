#include "db/control_session.hpp"

#include "db/guarded_call.hpp"
#include "db/session.hpp"

#include <mysqld_error.h>

namespace cenote::db {

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

tl::expected<control_session, trouble> control_session::open(const server_settings& where) {
  if (!is_guarded())
    return call_guarded<control_session>(where.connect_timeout, [where] { return open(where); });
  auto elsewhere = where;
  elsewhere.database.clear(); // It needs none, and whoever counts the sessions in a database does not mean it.
  auto session = log_in(elsewhere);
  if (!session)
    return tl::unexpected{std::move(session.error())};
  return control_session{std::make_shared<impl>(impl{std::move(*session), where.connect_timeout})};
}

tl::expected<void, trouble> control_session::stop_statement(uint64_t id) {
  return kill("KILL QUERY ", id);
}

tl::expected<void, trouble> control_session::end_session(uint64_t id) {
  return kill("KILL CONNECTION ", id);
}

tl::expected<void, trouble> control_session::kill(const std::string& what, uint64_t id) {
  auto run = [x = impl_, sql = what + std::to_string(id)]() -> tl::expected<void, trouble> {
    if (auto done = ask(*x->session, sql, "KILL"); !done && done.error().number != ER_NO_SUCH_THREAD)
      return tl::unexpected{std::move(done.error())};
    return {};
  };
  return is_guarded() ? run() : call_guarded<void>(impl_->limit, run);
}

} // namespace cenote::db
