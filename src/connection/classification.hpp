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

/// What an error during a statement means. Translates between src/db, which observes, and src/pool, which decides.
/// @param committing whether it was a COMMIT.
/// @param kept what may last of it although it failed.
classified_error classify(const db::driver_error& x, statement_kind kind, bool is_mariadb, bool committing = false,
                          pool::partial_effect kept = pool::partial_effect::none);

/// The same for a statement of a client's, whose text tells what it may have done.
classified_error classify(const db::driver_error& x, const statement& text, bool is_mariadb);

/// What `src/pool` is told of it.
pool::observed_error observed(const db::driver_error& x, bool is_mariadb);

/// A failure of cenote's own making.
failure own_failure(errc code, cenote::outcome outcome, std::string text);

/// Adds to a failure what is known of its request: attempts, waiting time, and whether an earlier attempt may have run.
failure of_request(failure why, const grant& what);

/// What comes too late for a session is told.
/// @param outcome what is known about the request, and about the session's open transaction.
/// @param reason how the session has ended; empty: it is not known, or is no business of whoever asks.
failure session_has_ended(session_id id, cenote::outcome outcome, const std::string& reason);

/// The answer to a request made for an actor that has ended. Usually nobody receives it, but the request may have come
/// from another one, on behalf of that.
failure caller_has_ended(cenote::outcome outcome);

/// What a failed connect means.
failure to_failure(const db::driver_error& x, const server_settings& where);

} // namespace cenote
