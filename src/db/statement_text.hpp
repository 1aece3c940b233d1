#pragma once

// Private to src/db: a header that includes mysql.h.

#include "cenote/statement.hpp"
#include "db/placeholders.hpp"

#include <optional>
#include <string>

#include <mysql.h>

namespace cenote::db {

/// Writes the SQL text of `what` with its parameters filled in to `out`, whose memory is reused.
/// @param session escapes strings in the way that its character set and SQL mode ask for.
/// @returns why the statement cannot be sent; nothing if it can.
std::optional<std::string> fill_in(std::string& out, const statement& what, quoting mode, MYSQL& session);

} // namespace cenote::db
