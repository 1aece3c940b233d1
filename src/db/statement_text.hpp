#pragma once

// Private to src/db: a header that includes mysql.h.

#include "cenote/statement.hpp"

#include <optional>
#include <string>

#include <mysql.h>

namespace cenote::db {

/// Writes the SQL text of `query` with its parameters filled in to `out`, whose memory is reused. The server reads it
/// in the same way under every SQL mode, so that it does not matter which one the session has. A statement without
/// parameters is left as it is.
/// @param charset the session's character set.
/// @returns why the statement cannot be sent; nothing if it can.
std::optional<std::string> fill_in(std::string& out, const statement& query, const MARIADB_CHARSET_INFO& charset);

} // namespace cenote::db
