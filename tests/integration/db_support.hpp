#pragma once

#include "cenote/result.hpp"
#include "cenote/statement.hpp"
#include "db/connection.hpp"

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

namespace cenote::test {

/// Opens a connection.
/// @throws std::runtime_error with the reason if that fails.
db::connection open(const server_settings& target);

/// The error of a connect that must fail.
/// @throws std::runtime_error if it succeeds.
db::driver_error fail_to_open(const server_settings& target);

/// Waits with poll(2) for what an operation wants and goes on with it, once.
/// @throws std::runtime_error if nothing happens for ten seconds.
db::progress advance(db::connection& x, db::progress now);

/// Drives an operation to its end.
tl::expected<result, db::driver_error> finish(db::connection& x, db::progress now);

/// Runs a statement.
tl::expected<result, db::driver_error> attempt(db::connection& x, const statement& query);

/// Runs a statement that must succeed.
/// @throws std::runtime_error with the error if it does not.
result run(db::connection& x, const statement& query);
result run(db::connection& x, std::string sql);

/// Sends statements one behind the other, at most 16 at a time, and takes their outcomes.
/// @throws std::runtime_error if one of them is refused before it is sent.
std::vector<tl::expected<result, db::driver_error>> pipeline(db::connection& x, const std::vector<statement>& queries);

/// The error of a statement that must fail.
/// @throws std::runtime_error if it succeeds.
db::driver_error fail(db::connection& x, const statement& query);
db::driver_error fail(db::connection& x, std::string sql);

/// The four ways in which a session can read quotes, as values of `sql_mode`.
extern const std::vector<std::string> all_sql_modes;

/// Opens a connection to the shared server whose session has this SQL mode.
db::connection open_with_mode(const std::string& mode);

/// Looks every few milliseconds until something holds.
/// @throws std::runtime_error if it does not within ten seconds.
void await(const std::function<bool()>& condition);

/// How many sessions of the server have this id and, if text is given, run a statement that contains it.
size_t sessions(db::connection& control, uint64_t id, std::string_view text = {});

/// Whether the text of a statement, an error, ... contains something.
bool contains(std::string_view text, std::string_view part);

/// Time since it was made.
class stopwatch {
public:
  std::chrono::nanoseconds elapsed() const { return std::chrono::steady_clock::now() - begun_; }

private:
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
};

} // namespace cenote::test
