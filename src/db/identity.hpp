#pragma once

// Private to src/db: a header that includes mysql.h.

#include "db/session.hpp"
#include "types/server_session.hpp"

#include <string>
#include <string_view>

namespace cenote::db {

/// How to ask a server who it is, in the terms of MariaDB or of MySQL: three expressions of a `SELECT`. Only what a
/// user without any privileges may see, and what a server of any version from MariaDB 10.2 and MySQL 5.7 on knows.
/// @param session_id SQL text: whose user and address the third one gives.
std::string identity_columns(MYSQL& session, std::string_view session_id);

/// What the three cells say. Whatever a server answers is taken as it is: it is only compared.
server_identity identity_of(const std::string& instance, const std::string& started);

} // namespace cenote::db
