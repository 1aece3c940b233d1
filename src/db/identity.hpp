#pragma once

// Private to src/db: a header that includes mysql.h.

#include "db/session.hpp"
#include "types/server_session.hpp"

#include <string>
#include <string_view>

namespace cenote::db {

/// The query for a server's identity, for MariaDB or for MySQL: three expressions of a `SELECT`. They need no
/// privileges, and work on every version from MariaDB 10.2 and MySQL 5.7 on.
/// @param session_id SQL text: the session whose user and address the third one gives.
std::string identity_columns(MYSQL& session, std::string_view session_id);

/// The identity from these cells. Any answer of a server is accepted as it is: it is only compared.
server_identity identity_of(const std::string& instance, const std::string& started);

} // namespace cenote::db
