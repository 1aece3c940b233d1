#pragma once

#include "cenote/detail/inspect_enum.hpp"
#include "cenote/value.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace cenote {

/// What repeating a statement would do. It decides what may be retried after its outcome became unknown.
enum class statement_kind : uint8_t {
  read,             ///< Changes nothing.
  idempotent_write, ///< Running it twice leaves the same state as running it once.
  write,            ///< Anything else: never repeated unless it certainly did not run.
};

/// One SQL statement with the parameters for its `?` placeholders. Built with `read`, `idempotent_write`, `write`.
struct statement {
  std::string sql;
  std::vector<value> params;
  statement_kind kind = statement_kind::write;

  /// Longest time from the moment the pool gets the statement to its answer, waiting for a connection included. Zero
  /// means no limit of its own: then only the wait for a connection is limited, by the pool's `timeout`.
  std::chrono::nanoseconds timeout{0};

  /// How often a retrier may repeat it; zero means never, empty as often as the retrier's own setting says.
  std::optional<uint32_t> max_retries;

  /// Limits this statement's retries; see `max_retries`.
  statement retried_at_most(uint32_t times) && {
    max_retries = times;
    return std::move(*this);
  }

  /// Limits this statement's time; see `timeout`.
  statement within(std::chrono::nanoseconds limit) && {
    timeout = limit;
    return std::move(*this);
  }

  bool operator==(const statement&) const = default;
};

namespace detail {

template <class... Ts>
statement make_statement(statement_kind kind, std::string sql, Ts&&... params) {
  statement result;
  result.sql = std::move(sql);
  result.kind = kind;
  result.params.reserve(sizeof...(Ts));
  (result.params.push_back(to_value(std::forward<Ts>(params))), ...);
  return result;
}

} // namespace detail

/// A statement that changes nothing. May be repeated at will.
template <class... Ts>
statement read(std::string sql, Ts&&... params) {
  return detail::make_statement(statement_kind::read, std::move(sql), std::forward<Ts>(params)...);
}

/// A write that may run twice without harm, like `UPDATE t SET a = ?` or an upsert of constants.
template <class... Ts>
statement idempotent_write(std::string sql, Ts&&... params) {
  return detail::make_statement(statement_kind::idempotent_write, std::move(sql), std::forward<Ts>(params)...);
}

/// A write that must not run twice, like `INSERT` without a key of the caller's or `UPDATE t SET a = a + 1`.
template <class... Ts>
statement write(std::string sql, Ts&&... params) {
  return detail::make_statement(statement_kind::write, std::move(sql), std::forward<Ts>(params)...);
}

template <class Inspector>
bool inspect(Inspector& f, statement_kind& x) {
  return detail::inspect_enum(f, x, statement_kind::write);
}

template <class Inspector>
bool inspect(Inspector& f, statement& x) {
  return f.object(x).fields(f.field("sql", x.sql), f.field("params", x.params), f.field("kind", x.kind),
                            f.field("timeout", x.timeout), f.field("max-retries", x.max_retries));
}

} // namespace cenote
