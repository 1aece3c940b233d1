#include "db/connection_impl.hpp"
#include "db/guarded_call.hpp"
#include "db/identity.hpp"
#include "db/text_literal.hpp"
#include "types/quoted_name.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <vector>

#include <fcntl.h>

#include <errmsg.h>
#include <mysqld_error.h>

namespace cenote::db {

namespace {

/// MariaDB counts seconds, and limits every statement; MySQL milliseconds, and limits reads.
std::string time_limit(MYSQL& session, std::chrono::nanoseconds limit) {
  auto milliseconds = std::to_string(std::chrono::ceil<std::chrono::milliseconds>(limit).count());
  if (mariadb_connection(&session) != 0)
    return ", max_statement_time = " + milliseconds + "e-3";
  return ", max_execution_time = " + milliseconds;
}

/// Whether the server knows `session_track_state_change`: then it reports with each success whether the session has
/// changed.
bool can_report_changes(MYSQL& session) {
  return mysql_get_server_version(&session) >= (mariadb_connection(&session) != 0 ? 100'202u : 50'704u);
}

bool has_roles(MYSQL& session) {
  return mysql_get_server_version(&session) >= (mariadb_connection(&session) != 0 ? 100'005u : 80'000u);
}

/// @param reports_changes whether the server is to report that the session has changed.
std::string set_up_statement(MYSQL& session, const server_settings& server, bool reports_changes) {
  auto result = std::string{"SET NAMES "} + session_charset + ", autocommit = 1";
  if (!server.sql_mode.empty()) {
    result += ", sql_mode = ";
    append_text_literal(result, server.sql_mode, *session.charset);
  }
  if (server.max_statement_time.count() > 0)
    result += time_limit(session, server.max_statement_time);
  if (reports_changes)
    result += ", session_track_state_change = 1";
  return result;
}

/// Restores the role of the login, which a reset does not. MariaDB reports its name, or nothing; MySQL the names of all
/// roles, quoted, or NONE.
std::string role_statement(MYSQL& session, const std::string& role) {
  if (role.empty())
    return "SET ROLE NONE";
  return "SET ROLE " + (mariadb_connection(&session) != 0 ? detail::quoted_name(role) : role);
}

/// The statements to run after a reset, which keeps the selected database and the role, and little else.
std::vector<std::string> set_up_after_reset(MYSQL& session, const server_settings& server, bool reports_changes,
                                            const std::string& role) {
  std::vector<std::string> result;
  if (!server.database.empty())
    result.push_back("USE " + detail::quoted_name(server.database));
  result.push_back(set_up_statement(session, server, reports_changes));
  if (has_roles(session))
    result.push_back(role_statement(session, role));
  if (!server.init_command.empty())
    result.push_back(server.init_command);
  return result;
}

/// Brings a new session into the state in which all statements find it.
tl::expected<void, driver_error> set_up(MYSQL& session, const server_settings& server, bool reports_changes) {
  if (auto done = ask(session, set_up_statement(session, server, reports_changes), "the set-up statement"); !done)
    return tl::unexpected{std::move(done.error())};
  if (!server.init_command.empty())
    if (auto done = ask(session, server.init_command, "init_command"); !done)
      return tl::unexpected{std::move(done.error())};
  return {};
}

/// Both servers permit no smaller `max_allowed_packet`.
constexpr uint64_t min_packet = 1024;

/// What the server reports about the session after the set-up.
struct session_facts {
  uint64_t max_allowed_packet = 0;
  uint64_t max_prepared = 0;
  bool read_only = false;
  std::string client_charset;
  std::string result_charset;
  std::string role;
  server_session identity;
};

constexpr size_t first_columns = 5;
constexpr size_t all_columns = first_columns + 5;

/// How many prepared statements each connection of the server can have without any of them missing one, whoever its
/// user is. None if text in a statement and text as a parameter have different collations.
std::string prepared_column(MYSQL& session) {
  if (mariadb_connection(&session) == 0)
    return "0";
  return "IF(@@collation_connection = 'utf8mb4_general_ci', @@max_prepared_stmt_count DIV @@max_connections, 0)";
}

/// If the server knows the session by another number than the one given at the login, there is a proxy before it that
/// numbers its clients itself.
server_session identity_in(MYSQL& session, const cells& row) {
  server_session result{mysql_thread_id(&session), {}, {}};
  if (row.size() == all_columns && row[first_columns] == std::to_string(result.id)) {
    result.server = identity_of(row[first_columns + 1], row[first_columns + 2]);
    result.client = row[first_columns + 3];
  }
  return result;
}

/// Asks for everything at once. A server that does not understand that is asked for less, and remains unidentified.
tl::expected<cells, driver_error> ask_first(MYSQL& session) {
  std::string first = "SELECT @@max_allowed_packet, @@read_only, @@character_set_client, @@character_set_results, ";
  first += has_roles(session) ? "CURRENT_ROLE()" : "NULL";
  const std::string end = " LIMIT 1"; // In case that sql_select_limit is 0.
  auto all = first + ", CONNECTION_ID(), " + identity_columns(session, "CONNECTION_ID()") + ", "
             + prepared_column(session) + end;
  auto answer = ask(session, all, "the first query");
  if (answer || is_client_error(answer.error().number))
    return answer;
  return ask(session, first + end, "the first query");
}

bool read(const std::string& text, uint64_t& number) {
  auto end = text.data() + text.size();
  return std::from_chars(text.data(), end, number) == std::from_chars_result{end, std::errc{}};
}

tl::expected<session_facts, driver_error> inspect_session(MYSQL& session) {
  auto answer = ask_first(session);
  if (!answer)
    return tl::unexpected{std::move(answer.error())};
  session_facts result;
  const auto& row = *answer;
  if ((row.size() != first_columns && row.size() != all_columns) || !read(row[0], result.max_allowed_packet)
      || result.max_allowed_packet < min_packet)
    return tl::unexpected{driver_error{error_source::server, phase::connecting, CR_MALFORMED_PACKET, "HY000",
                                       "the first query got an unexpected answer: is that a MariaDB or MySQL server?"}};
  result.read_only = row[1] != "0" && row[1] != "OFF";
  result.client_charset = row[2];
  result.result_charset = row[3];
  result.role = row[4];
  result.identity = identity_in(session, row);
  if (row.size() == all_columns && !read(row.back(), result.max_prepared))
    result.max_prepared = 0;
  return result;
}

/// From here on the session is used without blocking.
bool make_non_blocking(MYSQL& session) {
  if (mysql_options(&session, MYSQL_OPT_NONBLOCK, nullptr) != 0)
    return false;
  auto fd = mysql_get_socket(&session);
  // Connector/C itself never blocks on the socket, but OpenSSL does.
  return ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK) != -1 && ::fcntl(fd, F_SETFD, FD_CLOEXEC) != -1;
}

} // namespace

tl::expected<connection, driver_error> connection::open(const server_settings& server) {
  if (!is_guarded())
    return call_guarded<connection>(server.connect_timeout, [server] { return open(server); });
  auto session = log_in(server);
  if (!session)
    return tl::unexpected{std::move(session.error())};
  auto& handle = **session;
  auto reports_changes = can_report_changes(handle);
  auto done = set_up(handle, server, reports_changes);
  if (!done && reports_changes && done.error().number == ER_UNKNOWN_SYSTEM_VARIABLE) {
    reports_changes = false; // It only claims to be a server of that version.
    done = set_up(handle, server, reports_changes);
  }
  if (!done)
    return tl::unexpected{std::move(done.error())};
  auto facts = inspect_session(handle);
  if (!facts)
    return tl::unexpected{std::move(facts.error())};
  for (auto& charset : {facts->client_charset, facts->result_charset})
    if (!is_utf8_name(charset))
      return tl::unexpected{driver_error{error_source::server, phase::connecting, CR_CANT_READ_CHARSET, "HY000",
                                         "the session has the character set \"" + charset
                                             + "\" after its init_command: all text is UTF-8, leave it as utf8mb4"}};
  if (!make_non_blocking(handle))
    return tl::unexpected{driver_error{error_source::server, phase::connecting, CR_OUT_OF_MEMORY, "HY000",
                                       "could not make the connection non-blocking: out of memory"}};
  auto result = std::make_unique<impl>(std::move(*session), server);
  result->read_only = facts->read_only;
  result->identity = std::move(facts->identity);
  result->has_database = !server.database.empty();
  result->set_up = set_up_after_reset(handle, server, reports_changes, facts->role);
  result->max_prepared = facts->max_prepared;
  // A packet must be smaller than the limit, and holds one byte besides the text: the command.
  result->max_statement_bytes = facts->max_allowed_packet - 2;
  if (server.max_allowed_packet != 0)
    result->max_statement_bytes = std::min(result->max_statement_bytes, server.max_allowed_packet);
  return connection{std::move(result)};
}

} // namespace cenote::db
