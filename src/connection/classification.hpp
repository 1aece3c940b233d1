#pragma once

#include "cenote/failure.hpp"
#include "cenote/session.hpp"
#include "cenote/settings.hpp"
#include "cenote/statement.hpp"
#include "connection/grant.hpp"
#include "db/server_link.hpp"
#include "pool/error_table.hpp"
#include "types/connection_id.hpp"

namespace cenote {

/// An error with its meaning.
struct classified_error {
  cenote::failure failure;
  disposition connection = disposition::reusable;
};

/// Classifies an error during a statement. Translates between src/db, which observes, and src/pool, which decides.
/// @param committing whether it was a COMMIT.
/// @param kept the effects of the failed statement that may last.
classified_error classify(const db::driver_error& error, statement_kind kind, bool is_mariadb, bool committing = false,
                          pool::partial_effect kept = pool::partial_effect::none);

/// The same for a client's statement, whose text shows its possible effects.
classified_error classify(const db::driver_error& error, const statement& query, bool is_mariadb);

/// The error in the terms of `src/pool`.
pool::observed_error observed(const db::driver_error& error, bool is_mariadb);

/// A failure of cenote's own making.
failure own_failure(errc code, cenote::outcome outcome, std::string text);

/// Adds to a failure the facts of its request: attempts, waiting time, and whether an earlier attempt may have run.
failure of_request(failure reason, const grant& granted);

/// The answer to a request that comes too late for its session.
/// @param outcome what is known about the request, and about the session's open transaction.
/// @param reason how the session has ended; empty: unknown, or not to be disclosed to this caller.
failure session_has_ended(session_id id, cenote::outcome outcome, const std::string& reason);

/// The answer to a request made for an actor that has ended. Usually nobody receives it, but another actor may have
/// sent the request on behalf of the one that has ended.
failure caller_has_ended(cenote::outcome outcome);

/// The failure for a failed connect.
failure to_failure(const db::driver_error& error, const server_settings& server);

} // namespace cenote
