#pragma once

// Private to src/db: a header that includes mysql.h.

#include "db/connection.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <mysql.h>

namespace cenote::db {

struct session_closer {
  void operator()(MYSQL* session) const noexcept { mysql_close(session); }
};

/// Connector/C's handle. Closing it says goodbye to the server if the socket is still open.
using session_ptr = std::unique_ptr<MYSQL, session_closer>;

/// The character set of all sessions, whichever name of UTF-8 the settings have.
constexpr const char* session_charset = "utf8mb4";

/// Whether a character set of this name is UTF-8.
bool is_utf8_name(std::string_view charset) noexcept;

/// Connects, does TLS and logs in; blocks, on a thread with an `io_limit`. The session is as the server sets it up.
tl::expected<session_ptr, driver_error> log_in(const server_settings& server);

/// The cells of a row as text; NULL is empty.
using cells = std::vector<std::string>;

/// Runs a statement, blocking, on a thread with an `io_limit`. Returns the first row of its first result, and reads and
/// drops all others.
/// @param action names the statement in error texts.
tl::expected<cells, driver_error> ask(MYSQL& session, const std::string& sql, std::string_view action);

/// Clears OpenSSL's error queue of this thread. Must come before every call on a connection with TLS, because
/// Connector/C would attribute the error of another connection on the same thread to this one.
void forget_tls_errors() noexcept;

/// Whether Connector/C has read more from the socket than was asked for: the socket does not become readable again for
/// that. Also true if the socket is closed, where a call does not wait either.
bool has_input(const MYSQL& session) noexcept;

/// The error that Connector/C holds.
driver_error current_error(MYSQL& session, phase when);

/// Clears it.
void forget_error(MYSQL& session) noexcept;

/// Whether packets are compressed, so that only Connector/C can write them.
bool is_compressed(const MYSQL& session) noexcept;

/// Whether the last packet was too large for Connector/C. It looks like a lost connection otherwise.
bool had_no_room(const MYSQL& session) noexcept;

/// Whether an error number is one of Connector/C's own. After such an error the session is unusable.
constexpr bool is_client_error(unsigned number) noexcept {
  return (number >= 2000 && number < 3000) || (number >= 5000 && number < 6000);
}

/// Whether placeholders can be found in text of this character set: the bytes of a multi-byte character must not look
/// like ASCII. They do in GBK, Big5, Shift-JIS and their relatives.
bool is_ascii_safe(const MARIADB_CHARSET_INFO& charset) noexcept;

} // namespace cenote::db
