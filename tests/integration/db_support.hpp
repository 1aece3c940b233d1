#pragma once

#include "cenote/result.hpp"
#include "cenote/statement.hpp"
#include "db/connection.hpp"

#include <chrono>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

namespace cenote::test {

/// Opens a connection.
/// @throws std::runtime_error with the reason if that fails.
db::connection open(const server_settings& where);

/// Drives an operation to its end with poll(2).
/// @throws std::runtime_error if it makes no progress for ten seconds.
tl::expected<result, db::trouble> finish(db::connection& x, db::progress now);

/// Runs a statement.
tl::expected<result, db::trouble> attempt(db::connection& x, const statement& what);

/// Runs a statement that must succeed.
/// @throws std::runtime_error if it does not.
result run(db::connection& x, const statement& what);
result run(db::connection& x, std::string_view sql);

/// The trouble of a statement that must fail.
/// @throws std::runtime_error if it succeeds.
db::trouble fail(db::connection& x, const statement& what);

/// The trouble of a connect that must fail.
/// @throws std::runtime_error if it succeeds.
db::trouble fail_to_open(const server_settings& where);

/// Waits until `condition` holds.
/// @throws std::runtime_error if it does not within ten seconds.
template <class F>
void wait_for(F condition);

/// Waits until the server has noticed: the session is gone from its process list, or not.
void wait_until_gone(db::connection& control, uint64_t server_id);

/// Waits until the session runs a statement that contains `text`.
void wait_until_running(db::connection& control, uint64_t server_id, std::string_view text);

} // namespace cenote::test
