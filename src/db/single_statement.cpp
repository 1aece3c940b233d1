#include "db/single_statement.hpp"

#include "db/guarded_call.hpp"
#include "db/session.hpp"

namespace cenote::db {

tl::expected<bool, driver_error> run_once(const server_settings& servers, const std::string& sql) {
  if (!is_guarded())
    return call_guarded<bool>(servers.connect_timeout, [servers, sql] { return run_once(servers, sql); });
  std::optional<driver_error> problem;
  for (size_t i = 0; i < servers.servers(); ++i) {
    auto session = log_in(servers.server(i));
    auto done = session ? ask(**session, sql, "a statement of the pool") : tl::unexpected{std::move(session.error())};
    if (done)
      return true;
    problem = std::move(done.error());
  }
  return tl::unexpected{std::move(*problem)};
}

} // namespace cenote::db
