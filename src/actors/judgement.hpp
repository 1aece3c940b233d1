#pragma once

#include "cenote/detail/connection.hpp"
#include "cenote/failure.hpp"
#include "cenote/settings.hpp"
#include "cenote/statement.hpp"
#include "db/connection.hpp"

namespace cenote {

/// A trouble with its meaning.
struct judgement {
  failure why;
  fate connection = fate::reusable;
};

/// What trouble during a statement means. Translates between src/db, which observes, and src/pool, which decides.
judgement judge(const db::trouble& x, statement_kind kind, bool is_mariadb);

/// What a failed connect means.
failure to_failure(const db::trouble& x, const server_settings& where);

} // namespace cenote
