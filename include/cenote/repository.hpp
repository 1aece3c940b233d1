#pragma once

#include "cenote/actors.hpp"
#include "cenote/error.hpp"

#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

// What a repository needs: an actor that takes messages of the application and sends statements. See
// docs/repositories.md.

namespace cenote {

namespace detail {

/// The failure of a request whose result the program cannot read.
failure unreadable(statement_kind kind, const std::string& reason);

inline statement_kind kind_of_request(const statement& request) noexcept {
  return request.kind;
}

inline statement_kind kind_of_request(const transaction& request) noexcept {
  return kind_of(request);
}

template <class Answer, class Raw, class Self, class Atom, class Request, class F>
auto ask_and_map(Self* self, const pool_actor& pool, Atom atom, Request request, F map) {
  auto user = self->current_sender(); // The promise takes it.
  auto promise = self->template make_response_promise<Answer>();
  auto kind = kind_of_request(request);
  // No timeout of CAF's: the pool answers every request within its own.
  self->request(pool, caf::infinite, atom, std::move(request), std::move(user))
      .then(
          [promise, kind, map = std::move(map)](const Raw& raw) mutable {
            try {
              promise.deliver(std::invoke(map, raw));
            } catch (const std::exception& err) {
              promise.deliver(make_error(unreadable(kind, err.what())));
            }
          },
          [promise](caf::error& error) mutable { promise.deliver(std::move(error)); });
  return promise;
}

} // namespace detail

/// @name Answering with what the database says
/// For message handlers of an event-based actor: they send the request to the pool, or to a retrier before it, and
/// return a promise of the answer. The handler returns that; the actor goes on with other messages meanwhile.
///
/// The request is made on behalf of the sender of the message at hand: if that actor ends, the statement is dropped
/// from the queue, or stopped on the server. Errors are passed on as they are, see `details`. Rows that do not fit the
/// type they are read as (a misspelt column, a NULL) are an `invalid_statement` with the text of the exception; its
/// outcome is `unknown` for a write, which has been carried out by then.
///
/// Must be called in a handler, before any other promise is made for its message.
/// @param self the actor itself.
/// @{

/// Answers with `map(const result&)`. The answer's type must be a message type.
template <class Self, class F>
auto query(Self* self, const pool_actor& pool, statement request, F map) {
  using answer = std::decay_t<std::invoke_result_t<F&, const result&>>;
  return detail::ask_and_map<answer, result>(self, pool, execute_atom_v, std::move(request), std::move(map));
}

/// Answers with `map(const std::vector<result>&)`, one result per statement of a transaction.
template <class Self, class F>
auto query(Self* self, const pool_actor& pool, transaction request, F map) {
  using results = std::vector<result>;
  using answer = std::decay_t<std::invoke_result_t<F&, const results&>>;
  return detail::ask_and_map<answer, results>(self, pool, transact_atom_v, std::move(request), std::move(map));
}

/// Answers with all rows: a `std::vector<T>`; see `result::as`.
template <class T, class Self>
auto fetch(Self* self, const pool_actor& pool, statement request) {
  return query(self, pool, std::move(request), [](const result& rows) { return rows.as<T>(); });
}

/// Answers with the first row, or nothing if there is none: a `std::optional<T>`.
template <class T, class Self>
auto fetch_one(Self* self, const pool_actor& pool, statement request) {
  return query(self, pool, std::move(request), [](const result& rows) {
    return rows.empty() ? std::optional<T>{} : std::optional<T>{rows[0].as<T>()};
  });
}

/// Answers with the number of rows that a write has changed: a `uint64_t`.
template <class Self>
auto run(Self* self, const pool_actor& pool, statement request) {
  return query(self, pool, std::move(request), [](const result& x) { return x.affected_rows(); });
}

/// The same for all statements of a transaction together.
template <class Self>
auto run(Self* self, const pool_actor& pool, transaction request) {
  return query(self, pool, std::move(request), [](const std::vector<result>& results) {
    uint64_t sum = 0;
    for (auto& part : results)
      sum += part.affected_rows();
    return sum;
  });
}

/// @}

} // namespace cenote
