#include "db/identity.hpp"

#include <charconv>

namespace cenote::db {

namespace {

/// The column for the id that the server has generated for itself, if its version has one.
std::string_view own_id(MYSQL& session) {
  if (mariadb_connection(&session) == 0)
    return ", @@server_uuid";
  auto version = mysql_get_server_version(&session);
  auto has_one =
      (version >= 100'616 && version < 100'700) || (version >= 101'106 && version < 110'000) || version >= 110'300;
  return has_one ? ", @@server_uid" : "";
}

std::string_view counters(MYSQL& session) {
  return mariadb_connection(&session) != 0 ? "information_schema.GLOBAL_STATUS" : "performance_schema.global_status";
}

} // namespace

std::string identity_columns(MYSQL& session, std::string_view session_id) {
  // None of them alone is enough: containers share hardware addresses, names and folders. Two servers that agree in all
  // of them and have started in the same second are distinguished by the address of the session.
  std::string result = "CONCAT_WS(', ', @@hostname, @@port, @@socket, @@datadir, @@pid_file, @@server_id";
  result += own_id(session);
  // Both count from the beginning of this statement, so that the difference does not move with the clock.
  // With a time before the server's start the counter is negative, and shown without its sign.
  result += "), UNIX_TIMESTAMP() - CAST(CAST((SELECT VARIABLE_VALUE FROM ";
  result += counters(session);
  result += " WHERE VARIABLE_NAME = 'uptime') AS UNSIGNED) AS SIGNED), ";
  result += "(SELECT CONCAT(USER, '@', HOST) FROM information_schema.PROCESSLIST WHERE ID = ";
  result += session_id;
  result += ")";
  return result;
}

server_identity identity_of(const std::string& instance, const std::string& started) {
  server_identity result;
  auto end = started.data() + started.size();
  if (auto [ptr, ec] = std::from_chars(started.data(), end, result.started); ec != std::errc{} || ptr != end)
    return {};
  result.instance = instance;
  return result;
}

} // namespace cenote::db
