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

/// Whether the server knows `session_track_state_change`: then it tells with each success whether the session has
/// changed.
bool can_tell_changes(MYSQL& session) {
  return mysql_get_server_version(&session) >= (mariadb_connection(&session) != 0 ? 100'202u : 50'704u);
}

bool has_roles(MYSQL& session) {
  return mysql_get_server_version(&session) >= (mariadb_connection(&session) != 0 ? 100'005u : 80'000u);
}

/// @param tells_changes whether the server is to tell when the session changes.
std::string set_up_statement(MYSQL& session, const server_settings& where, bool tells_changes) {
  auto result = std::string{"SET NAMES "} + session_charset + ", autocommit = 1";
  if (!where.sql_mode.empty()) {
    result += ", sql_mode = ";
    append_text_literal(result, where.sql_mode, *session.charset);
  }
  if (where.max_statement_time.count() > 0)
    result += time_limit(session, where.max_statement_time);
  if (tells_changes)
    result += ", session_track_state_change = 1";
  return result;
}

/// Goes back to the role of the login, which a reset does not. MariaDB gives its name, or nothing; MySQL the names of
/// all, quoted, or NONE.
std::string role_statement(MYSQL& session, const std::string& role) {
  if (role.empty())
    return "SET ROLE NONE";
  return "SET ROLE " + (mariadb_connection(&session) != 0 ? detail::quoted_name(role) : role);
}

/// What to run after a reset, which keeps the selected database and the role, and forgets nearly everything else.
std::vector<std::string> set_up_after_reset(MYSQL& session, const server_settings& where, bool tells_changes,
                                            const std::string& role) {
  std::vector<std::string> result;
  if (!where.database.empty())
    result.push_back("USE " + detail::quoted_name(where.database));
  result.push_back(set_up_statement(session, where, tells_changes));
  if (has_roles(session))
    result.push_back(role_statement(session, role));
  if (!where.init_command.empty())
    result.push_back(where.init_command);
  return result;
}

/// Brings a new session into the state in which all statements find it.
tl::expected<void, driver_error> set_up(MYSQL& session, const server_settings& where, bool tells_changes) {
  if (auto done = ask(session, set_up_statement(session, where, tells_changes), "the set-up statement"); !done)
    return tl::unexpected{std::move(done.error())};
  if (!where.init_command.empty())
    if (auto done = ask(session, where.init_command, "init_command"); !done)
      return tl::unexpected{std::move(done.error())};
  return {};
}

/// Both servers permit no smaller `max_allowed_packet`.
constexpr uint64_t min_packet = 1024;

/// What the server says about the session after the set-up.
struct session_facts {
  uint64_t max_allowed_packet = 0;
  bool read_only = false;
  std::string client_charset;
  std::string result_charset;
  std::string role;
  server_session identity;
};

constexpr size_t first_columns = 5;
constexpr size_t all_columns = first_columns + 4;

/// A server that does not know its own session by the number that it gave at the login has a proxy before it, which
/// numbers its clients itself.
server_session identity_in(MYSQL& session, const cells& x) {
  server_session result{mysql_thread_id(&session), {}, {}};
  if (x.size() == all_columns && x[first_columns] == std::to_string(result.id)) {
    result.server = identity_of(x[first_columns + 1], x[first_columns + 2]);
    result.client = x[first_columns + 3];
  }
  return result;
}

/// Asks all at once. A server that does not understand that is asked for less, and remains unidentified.
tl::expected<cells, driver_error> ask_first(MYSQL& session) {
  std::string first = "SELECT @@max_allowed_packet, @@read_only, @@character_set_client, @@character_set_results, ";
  first += has_roles(session) ? "CURRENT_ROLE()" : "NULL";
  const std::string end = " LIMIT 1"; // In case that sql_select_limit is 0.
  auto answer = ask(session, first + ", CONNECTION_ID(), " + identity_columns(session, "CONNECTION_ID()") + end,
                    "the first query");
  if (answer || is_client_error(answer.error().number))
    return answer;
  return ask(session, first + end, "the first query");
}

tl::expected<session_facts, driver_error> look_at(MYSQL& session) {
  auto answer = ask_first(session);
  if (!answer)
    return tl::unexpected{std::move(answer.error())};
  session_facts result;
  const auto& x = *answer;
  auto end = x.empty() ? nullptr : x[0].data() + x[0].size();
  if ((x.size() != first_columns && x.size() != all_columns) || x[0].empty()
      || std::from_chars(x[0].data(), end, result.max_allowed_packet) != std::from_chars_result{end, std::errc{}}
      || result.max_allowed_packet < min_packet)
    return tl::unexpected{driver_error{error_source::server, phase::connecting, CR_MALFORMED_PACKET, "HY000",
                                       "the first query got a strange answer: is that a MariaDB or MySQL server?"}};
  result.read_only = x[1] != "0" && x[1] != "OFF";
  result.client_charset = x[2];
  result.result_charset = x[3];
  result.role = x[4];
  result.identity = identity_in(session, x);
  return result;
}

/// From here on the session is used without blocking.
bool make_non_blocking(MYSQL& session) {
  if (mysql_options(&session, MYSQL_OPT_NONBLOCK, nullptr) != 0)
    return false;
  auto fd = mysql_get_socket(&session);
  // Connector/C itself never asks the socket to wait, but OpenSSL does.
  return ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK) != -1 && ::fcntl(fd, F_SETFD, FD_CLOEXEC) != -1;
}

} // namespace

tl::expected<connection, driver_error> connection::open(const server_settings& where) {
  if (!is_guarded())
    return call_guarded<connection>(where.connect_timeout, [where] { return open(where); });
  auto session = log_in(where);
  if (!session)
    return tl::unexpected{std::move(session.error())};
  auto& m = **session;
  auto tells_changes = can_tell_changes(m);
  auto done = set_up(m, where, tells_changes);
  if (!done && tells_changes && done.error().number == ER_UNKNOWN_SYSTEM_VARIABLE) {
    tells_changes = false; // Something that only calls itself a server of that version.
    done = set_up(m, where, tells_changes);
  }
  if (!done)
    return tl::unexpected{std::move(done.error())};
  auto facts = look_at(m);
  if (!facts)
    return tl::unexpected{std::move(facts.error())};
  for (auto& charset : {facts->client_charset, facts->result_charset})
    if (!is_utf8_name(charset))
      return tl::unexpected{driver_error{error_source::server, phase::connecting, CR_CANT_READ_CHARSET, "HY000",
                                         "the session has the character set \"" + charset
                                             + "\" after its init_command: all text is UTF-8, leave it as utf8mb4"}};
  if (!make_non_blocking(m))
    return tl::unexpected{driver_error{error_source::server, phase::connecting, CR_OUT_OF_MEMORY, "HY000",
                                       "could not make the connection non-blocking: out of memory"}};
  auto result = std::make_unique<impl>(std::move(*session), where);
  result->read_only = facts->read_only;
  result->identity = std::move(facts->identity);
  result->has_database = !where.database.empty();
  result->set_up = set_up_after_reset(m, where, tells_changes, facts->role);
  // A packet must be smaller than the limit, and holds one byte besides the text: the command.
  result->max_statement_bytes = facts->max_allowed_packet - 2;
  if (where.max_allowed_packet != 0)
    result->max_statement_bytes = std::min(result->max_statement_bytes, where.max_allowed_packet);
  return connection{std::move(result)};
}

} // namespace cenote::db
