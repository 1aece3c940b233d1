#include "db/connection_impl.hpp"
#include "db/guarded_call.hpp"
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

std::string set_up_statement(MYSQL& session, const server_settings& where) {
  auto result = std::string{"SET NAMES "} + session_charset + ", autocommit = " + (where.autocommit ? "1" : "0");
  if (!where.sql_mode.empty()) {
    std::string escaped(2 * where.sql_mode.size() + 1, '\0');
    escaped.resize(mysql_real_escape_string(&session, escaped.data(), where.sql_mode.data(), where.sql_mode.size()));
    result += ", sql_mode = '" + escaped + "'";
  }
  if (where.max_statement_time.count() > 0)
    result += time_limit(session, where.max_statement_time);
  return result;
}

/// What to run after a reset, which keeps the selected database and forgets everything else.
std::vector<std::string> set_up_after_reset(MYSQL& session, const server_settings& where) {
  std::vector<std::string> result;
  if (!where.database.empty())
    result.push_back("USE " + detail::quoted_name(where.database));
  result.push_back(set_up_statement(session, where));
  if (!where.init_command.empty())
    result.push_back(where.init_command);
  return result;
}

/// Brings a new session into the state in which all statements find it.
tl::expected<void, trouble> set_up(MYSQL& session, const server_settings& where) {
  if (auto done = ask(session, set_up_statement(session, where), "the set-up statement"); !done)
    return tl::unexpected{std::move(done.error())};
  if (!where.init_command.empty())
    if (auto done = ask(session, where.init_command, "init_command"); !done)
      return tl::unexpected{std::move(done.error())};
  return {};
}

/// Both servers permit no smaller `max_allowed_packet`.
constexpr uint64_t least_packet = 1024;

/// What the server says about the session after the set-up.
struct session_facts {
  uint64_t max_allowed_packet = 0;
  bool ansi_quotes = false;
  bool read_only = false;
  std::string client_charset;
  std::string result_charset;
};

tl::expected<session_facts, trouble> look_at(MYSQL& session) {
  auto answer = ask(session, // The limit is there in case that sql_select_limit is 0.
                    "SELECT @@max_allowed_packet, @@sql_mode, @@read_only, "
                    "@@character_set_client, @@character_set_results LIMIT 1",
                    "the first query");
  if (!answer)
    return tl::unexpected{std::move(answer.error())};
  session_facts result;
  const auto& x = *answer;
  auto end = x.empty() ? nullptr : x[0].data() + x[0].size();
  if (x.size() != 5 || x[0].empty()
      || std::from_chars(x[0].data(), end, result.max_allowed_packet) != std::from_chars_result{end, std::errc{}}
      || result.max_allowed_packet < least_packet)
    return tl::unexpected{trouble{complaint::server, phase::connecting, CR_MALFORMED_PACKET, "HY000",
                                  "the first query got a strange answer: is that a MariaDB or MySQL server?"}};
  result.ansi_quotes = x[1].find("ANSI_QUOTES") != std::string::npos;
  result.read_only = x[2] != "0" && x[2] != "OFF";
  result.client_charset = x[3];
  result.result_charset = x[4];
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

tl::expected<connection, trouble> connection::open(const server_settings& where) {
  if (!is_guarded())
    return call_guarded<connection>(where.connect_timeout, [where] { return open(where); });
  auto session = log_in(where);
  if (!session)
    return tl::unexpected{std::move(session.error())};
  auto& m = **session;
  if (auto done = set_up(m, where); !done)
    return tl::unexpected{std::move(done.error())};
  auto facts = look_at(m);
  if (!facts)
    return tl::unexpected{std::move(facts.error())};
  for (auto& charset : {facts->client_charset, facts->result_charset})
    if (!is_utf8_name(charset))
      return tl::unexpected{trouble{complaint::server, phase::connecting, CR_CANT_READ_CHARSET, "HY000",
                                    "the session has the character set \"" + charset
                                        + "\" after its init_command: all text is UTF-8, leave it as utf8mb4"}};
  if (!make_non_blocking(m))
    return tl::unexpected{trouble{complaint::server, phase::connecting, CR_OUT_OF_MEMORY, "HY000",
                                  "could not make the connection non-blocking: out of memory"}};
  auto result = std::make_unique<impl>(std::move(*session), where);
  result->read_only = facts->read_only;
  result->autocommit = where.autocommit;
  result->has_database = !where.database.empty();
  result->set_up = set_up_after_reset(m, where);
  // A packet must be smaller than the limit, and holds one byte besides the text: the command.
  result->max_statement_bytes = facts->max_allowed_packet - 2;
  if (where.max_allowed_packet != 0)
    result->max_statement_bytes = std::min(result->max_statement_bytes, where.max_allowed_packet);
  result->unreported_ansi_quotes = facts->ansi_quotes && (m.server_status & SERVER_STATUS_ANSI_QUOTES) == 0;
  return connection{std::move(result)};
}

} // namespace cenote::db
