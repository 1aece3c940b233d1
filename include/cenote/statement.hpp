#pragma once

#include "cenote/detail/inspect_enum.hpp"
#include "cenote/detail/parameter_writer.hpp"
#include "cenote/value.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace cenote {

/// What repeating a statement would do. It decides what may be retried after its outcome became unknown.
enum class statement_kind : uint8_t {
  read,             ///< Changes nothing.
  idempotent_write, ///< Running it twice leaves the same state as running it once.
  write,            ///< Anything else: never repeated unless it certainly did not run.
};

/// One SQL statement with its parameters. Built with `read`, `idempotent_write`, `write`.
///
/// The parameters fill the `?` placeholders in their order, each exactly one:
///
///     write("INSERT INTO manga (id, title) VALUES (?, ?)", 42, "Yotsuba")
///
/// A single struct that has an `inspect` overload, the same that makes it a message, fills `:name` placeholders with
/// its fields of exactly those names. A field may be used often or not at all, but one must be used:
///
///     write("INSERT INTO manga (id, title) VALUES (:id, :title)", x)
///
/// A name has letters (also non-ASCII), digits, `_` and `$`, and begins with no digit. Neither kind of placeholder is
/// seen in quotes and comments; a `:` directly behind a letter, digit, quote or `:` begins none, so that `label:LOOP`,
/// `::` and `:=` are left alone. Fields may be of any type that is a parameter, `std::optional`s of these, enums (sent
/// as numbers), and types whose own overload calls `f.apply(...)`; fallbacks do not matter.
///
/// What a parameter means depends neither on the SQL mode nor on the session's character set. A text with a backslash
/// is written as a hexadecimal literal: where the server's grammar wants a text in quotes and nothing else, as in
/// `IDENTIFIED BY ?` or `SHOW TABLES LIKE ?`, that is a syntax error. A date or time is a literal of its type.
///
/// A statement whose placeholders and parameters do not match fails with `errc::invalid_statement` and is not sent. So
/// does one with parameters whose quotes and comments end in different places for different SQL modes or servers: write
/// a quote in a text twice instead of putting a backslash before it, or make the text a parameter. Without parameters,
/// every statement is sent as it is.
struct statement {
  std::string sql;           ///< One statement, in UTF-8.
  std::vector<value> params; ///< In the order of the `?` placeholders, or of `names`.
  /// The name of each parameter; empty if the placeholders are `?`.
  std::vector<std::string> names;
  statement_kind kind = statement_kind::write; ///< What repeating it would do; not checked.

  /// Longest time from the moment the pool gets the statement to its answer, waiting for a connection included. Zero,
  /// and more than a century, mean no limit of its own: then only the wait for a connection is limited, by the pool's
  /// `timeout`. Less than zero means that its time has passed already: it fails at once and is not sent.
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
  statement built;
  built.sql = std::move(sql);
  built.kind = kind;
  if constexpr (sizeof...(Ts) == 1 && (struct_with_fields<std::remove_cvref_t<Ts>, parameter_writer> && ...)) {
    parameter_writer f{built.names, built.params};
    // Overloads take the object by reference, and change it only when they load.
    if (!(inspect(f, const_cast<std::remove_cvref_t<Ts>&>(params)) && ...))
      throw std::invalid_argument("the inspect overload of the parameters' struct failed");
  } else {
    static_assert((!struct_with_fields<std::remove_cvref_t<Ts>, parameter_writer> && ...),
                  "a struct must be the only parameter: its fields are the named ones");
    built.params.reserve(sizeof...(Ts));
    (built.params.push_back(to_value(std::forward<Ts>(params))), ...);
  }
  return built;
}

} // namespace detail

/// @name Builders
/// The parameters are described at `statement`, their types at `to_value`.
/// @throws std::invalid_argument only if the `on_save` callback or the `inspect` overload of a struct fails.
/// @{

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

/// @}

template <class Inspector>
bool inspect(Inspector& f, statement_kind& x) {
  return detail::inspect_enum(f, x, statement_kind::write);
}

template <class Inspector>
bool inspect(Inspector& f, statement& x) {
  return f.object(x).fields(f.field("sql", x.sql), f.field("params", x.params), f.field("names", x.names),
                            f.field("kind", x.kind), f.field("timeout", x.timeout),
                            f.field("max-retries", x.max_retries));
}

} // namespace cenote
