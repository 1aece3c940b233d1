#pragma once

#include "cenote/failure.hpp"
#include "cenote/settings.hpp"
#include "cenote/statement.hpp"
#include "pool/request.hpp"

#include <optional>

namespace cenote::pool {

/// Whether a request that failed may be repeated without the risk that a statement which must run once runs twice.
bool may_repeat(statement_kind kind, const failure& error);

/// What an error means for a request of which an earlier attempt may have run: whatever the last attempt reports, that
/// doubt remains, as only success removes it. Code, number and text remain those of the last attempt.
failure after_doubt(failure error);

/// A failed request, as far as the rules are concerned.
struct failed_attempt {
  statement_kind kind = statement_kind::write;
  uint32_t attempts = 1;                   ///< How often it has been tried.
  time_point deadline = time_point::max(); ///< Its own; `time_point::max()` if it has none.
  std::optional<uint32_t> max_retries{};   ///< How often it may be repeated; empty: as the rules say.
};

/// The delay before the next attempt, or nothing if the error is final: it may not be repeated, `max_retries` are used
/// up, or the next attempt would start after the deadline. An error that says that the pool has too much to
/// do, `acquire_timeout`, `queue_full` or `overloaded`, is final for a request without a deadline: it has waited for as
/// long as the pool's settings say, and more load would not help. Deadlocks, conflicts and lock waits are repeated
/// after up to 50 ms, and so is the first attempt if its connection was lost: the pool itself waits for the server.
/// Everything else is repeated after `initial_delay`, doubled each time up to `max_delay`, and not before the failure's
/// `retry_after`.
/// @param random from 0 to below 1.
std::optional<duration> retry_delay(const retry_settings& rules, const failed_attempt& attempt, const failure& error,
                                    time_point now, double random);

} // namespace cenote::pool
