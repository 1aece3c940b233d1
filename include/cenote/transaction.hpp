#pragma once

#include "cenote/statement.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace cenote {

/// What a transaction sees of others.
enum class isolation : uint8_t {
  server_default,   ///< The server's `tx_isolation`.
  read_uncommitted, ///< Uncommitted changes of others, too.
  read_committed,   ///< Each statement sees what was committed when it began.
  repeatable_read,  ///< All statements see what was committed when the first of them read.
  serializable,     ///< As `repeatable_read`, and what was read cannot be changed by others.
};

/// The level in SQL: `READ COMMITTED`. Empty for `server_default`.
std::string to_string(isolation level);

/// How a transaction begins.
struct transaction_options {
  isolation level = isolation::server_default; ///< What it sees of others.
  bool read_only = false;                      ///< The server refuses writes in it.
  bool operator==(const transaction_options&) const = default;
};

/// Statements that take effect all together or not at all.
///
/// They must neither begin, commit or roll back a transaction, nor imply that as `CREATE TABLE`, for instance, does:
/// a statement whose first word is one of these is refused; one that does so in a procedure fails, but too late. Of an
/// INSERT that sets the key itself `result::last_insert_id` may be zero.
struct transaction {
  std::vector<statement> statements; ///< Their own timeouts and retries do not count.
  transaction_options options;       ///< How it begins.

  /// Longest time from the moment the pool gets it to its answer. Zero means no limit of its own, less than zero that
  /// its time has passed; see `statement::timeout`.
  std::chrono::nanoseconds timeout{0};

  /// See `statement::max_retries`.
  std::optional<uint32_t> max_retries;

  /// Limits its time; see `timeout`.
  transaction within(std::chrono::nanoseconds limit) && {
    timeout = limit;
    return std::move(*this);
  }

  /// Limits its retries; see `max_retries`.
  transaction retried_at_most(uint32_t times) && {
    max_retries = times;
    return std::move(*this);
  }

  /// Sets its isolation level.
  transaction at(isolation level) && {
    options.level = level;
    return std::move(*this);
  }

  /// Makes it read-only: the server refuses writes in it.
  transaction read_only() && {
    options.read_only = true;
    return std::move(*this);
  }

  bool operator==(const transaction&) const = default;
};

/// Makes a transaction of these statements.
template <class... Ts>
transaction all_or_nothing(Ts... statements) {
  transaction built;
  built.statements.reserve(sizeof...(Ts));
  (built.statements.push_back(std::move(statements)), ...);
  return built;
}

/// What repeating the whole transaction would do: the worst of its statements.
statement_kind kind_of(const transaction& request) noexcept;

template <class Inspector>
bool inspect(Inspector& f, isolation& x) {
  return detail::inspect_enum(f, x, isolation::serializable);
}

template <class Inspector>
bool inspect(Inspector& f, transaction_options& x) {
  return f.object(x).fields(f.field("level", x.level), f.field("read-only", x.read_only));
}

template <class Inspector>
bool inspect(Inspector& f, transaction& x) {
  return f.object(x).fields(f.field("statements", x.statements), f.field("options", x.options),
                            f.field("timeout", x.timeout), f.field("max-retries", x.max_retries));
}

} // namespace cenote
