#pragma once

// Private to src/db: a header that includes mysql.h.

#include "cenote/statement.hpp"
#include "db/prepared_set.hpp"

#include <cstdint>
#include <optional>
#include <string>

#include <mysql.h>

namespace cenote::db {

/// Finds the placeholders of a text, for its prepared statement.
/// @param named whether they are `:name`.
/// @returns the text to prepare, with a `?` for each; nothing if they cannot be found for certain.
std::optional<std::string> to_prepare(prepared_text& text, bool named);

/// Writes what follows COM_STMT_EXECUTE to `out`, whose memory is reused, for the statement `text.id`. Parameters are
/// of the types that their literals have.
/// @param charset the session's character set.
/// @returns false if the statement must be sent as text: it has a mistake, or a parameter whose literal is more than
///          a value. Bytes as `X'0A'` are a number where one is wanted.
bool write_execute(std::string& out, const prepared_text& text, const statement& query,
                   const MARIADB_CHARSET_INFO& charset);

/// Changes the statement of a request that has been written.
void set_statement(std::string& request, uint32_t id);

} // namespace cenote::db
