#pragma once

#include "cenote/actors.hpp"
#include "cenote/settings.hpp"

#include <caf/fwd.hpp>

#include <exception>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace cenote {

/// What a `database` throws if a request failed. `what()` is one line for people, without passwords.
class database_error : public std::runtime_error {
public:
  /// Takes the failure; `what()` is its `to_string`.
  explicit database_error(failure error);

  /// All that is known; `details().outcome` says what may be done next.
  const failure& details() const noexcept { return details_; }

private:
  failure details_;
};

namespace detail {

/// `tl::expected`, `std::expected`, `caf::expected`: may hold an error instead of a value.
template <class T>
concept expected_like = requires(T& x) {
  static_cast<bool>(x);
  x.error();
};

} // namespace detail

/// A pool for plain code: every function waits until it has the answer, and throws `database_error` if that is a
/// failure. For non-actor threads; any number of them may use one object at the same time, each call uses a connection
/// of its own.
///
/// While a thread waits, it may do the work of the pool's I/O thread, if that has nothing to do: send and receive for
/// all callers, and run the actors of `spawn_beside` and the application's log sinks. It needs a stack of a usual size
/// (128 KiB).
///
///     cenote::settings settings;
///     settings.server = cenote::parse_uri(uri);
///     cenote::database db{settings};
///     db.initialize();
///     auto rows = db.execute(cenote::read("SELECT title FROM manga WHERE id = ?", 42));
///     db.with_transaction([](auto& session) {
///       session.execute(cenote::write("UPDATE account SET balance = balance - 5 WHERE id = 1"));
///       session.execute(cenote::write("UPDATE account SET balance = balance + 5 WHERE id = 2"));
///     });
///
/// Called from inside an actor it would block a thread that others need: every function but the destructor throws
/// `std::logic_error` there. It recognises CAF's threads by their names; a thread that an actor starts has the same
/// name until it takes another (`pthread_setname_np`). CAF's test scheduler runs actors on the test's thread,
/// unnoticed.
///
/// How long a call may take:
/// - `execute` and `transact` with a time limit of their own (`within`): no longer than that, retries and the delays
///   between them included.
/// - Without one: the setting `pool.timeout` for a connection, and for as long as the statements run, which
///   `server.max-statement-time` can limit. A request that a full pool refuses is not repeated. While the server cannot
///   be reached: `pool.breaker-after`, then the delays of all retries (31 s by default). A retry after anything else,
///   as a deadlock, may wait and run as long as the first attempt.
/// - `with_session` and `with_transaction` wait for a connection for `pool.timeout`, or for `acquire_timeout` if that
///   is less; then each statement has no limit but its own, and all together `time_limit`.
/// - `initialize` and `verify_connection`: `pool.timeout`.
/// - `get_pool_status` and `dispose` do not wait.
/// - `close` and the destructor: `pool.drain-timeout`, and `server.connect-timeout` if a connect is under way then.
///
/// After `close` every call fails with `errc::shutting_down`.
class database {
public:
  class session;

  /// Uses a pool that is owned elsewhere: `close` leaves it alone. Whether failed requests are repeated is up to
  /// `pool`: it may be a retrier. The actor system must outlive this object.
  /// @throws std::invalid_argument if the pool is on another node: nothing would wake a thread that waits for a node
  ///         that has gone away.
  database(caf::actor_system& sys, pool_actor pool);

  /// Starts an actor system, a pool and a retrier that belong to this object. Returns at once; connections are opened
  /// in the background. `execute` and `transact` are repeated as `config.retry` says. `config.log` is ignored.
  /// @throws configuration_error if a setting is out of range; std::logic_error if `cenote::init` was not called.
  explicit database(const settings& config);

  database(const database&) = delete;
  database& operator=(const database&) = delete;

  /// Closes.
  ~database();

  /// Waits until a connection is open and has answered; the others are opened in the background. May be called
  /// again after it failed.
  /// @returns the server's version and connection id.
  /// @throws database_error with `connect_failed` or `login_refused` as soon as a connect fails while no connection is
  ///         open, which takes the setting `connect_timeout` at most.
  verification initialize();

  /// Makes one round trip.
  /// @throws database_error as `initialize` does, or `acquire_timeout` if all connections stay in use.
  verification verify_connection();

  /// The state and the counters of the pool at this moment. Does not ask the server.
  pool_status get_pool_status();

  /// The state of each connection and each session. Does not ask the server.
  pool_details get_details();

  /// The statements that have taken the most time, the costliest first; none if `statement_statistics` is off.
  std::vector<statement_summary> get_statements();

  /// Ends a session of any holder: its statement is stopped, its transaction rolled back.
  /// @throws database_error with `session_ended` if there is no such session.
  void kill(session_id id);

  /// Runs one statement in autocommit mode.
  result execute(statement query);

  /// Runs all statements in one transaction; one result per statement. See `transaction`.
  std::vector<result> transact(transaction statements);

  /// Calls `f(session&)` with a connection of its own and returns what it returns. However `f` ends, the connection
  /// goes back, an open transaction is rolled back, and the session's state is reset.
  ///
  /// Inside `f` the other functions use other connections: nesting calls in many threads can exhaust the pool.
  /// @param f must not keep the session, nor use it in another thread.
  /// @throws database_error if no connection could be had; what `f` throws.
  template <class F>
  auto with_session(F&& f, session_options terms = {});

  /// Calls `f(session&)` inside a transaction and returns what it returns. The transaction is committed if `f` returns,
  /// and rolled back if `f` throws, or returns an `expected` (of tl, std or CAF) that holds an error. Any other value
  /// means success, `false` as well. Is never repeated: after `outcome::rolled_back` the caller may do so.
  ///
  /// If the transaction has ended on its own (rolled back by the server after a deadlock; committed by DDL, LOCK TABLES
  /// or a procedure), whatever `f` still tries is refused, and so is the commit: catching the error cannot hide it.
  /// @throws database_error if no connection could be had, or begin or commit failed: nothing has taken effect then,
  ///         unless the outcome is `unknown`; what `f` throws. If the work of `f` may have been committed although `f`
  ///         throws something else or returns an error: a `database_error` with that failure, outcome `unknown`, which
  ///         is a `std::nested_exception` as well and holds the exception of `f`.
  template <class F>
  auto with_transaction(F&& f, transaction_options options = {}, session_options terms = {});

  /// Replaces all connections: those in use when they are returned, the others now. Returns at once.
  void dispose();

  /// Grants no call a connection until `resume`; calls that have one continue. The others wait as long as they would
  /// for a connection: see `pause_atom`. Returns at once.
  /// @throws database_error with `shutting_down` after `close`.
  void pause();

  /// Ends a pause; the calls that waited continue. Does nothing if the pool is not paused. Returns at once.
  /// @throws database_error with `shutting_down` after `close`.
  void resume();

  /// Applies new settings, to new calls and to those that wait; see `reconfigure_atom` for what can change and what
  /// becomes of open connections.
  /// @throws database_error (`invalid_setting`) if any of them cannot; then nothing has changed.
  void reconfigure(const settings& config);

  /// The settings that the pool works with.
  effective_settings get_settings();

  /// Calls `f` with the pool's events, see `subscribe_atom`, until this object is closed. `f` is called on a thread of
  /// the actor system's scheduler, must return soon, and must not call this object; what it throws is logged.
  void subscribe(std::function<void(const pool_events&)> f);

  /// Refuses new calls, and waits for those under way. If the pool belongs to this object, they have the setting
  /// `drain_timeout` (zero: none) to end, sessions included; then they are cut and fail, all connections are closed,
  /// and the actor system ends. Closing again does nothing; concurrent calls of `close` wait for the first one.
  /// @throws std::logic_error inside a function given to `with_session` of this object.
  void close();

private:
  struct impl;

  std::unique_ptr<impl> impl_;
};

/// The exclusive use of one connection, for the function that `with_session` has given it to, and its thread. All
/// functions wait for the answer and throw `database_error`. `errc::session_ended`: its time limit has passed, or its
/// connection was lost.
///
/// If an open transaction has ended on its own, everything but `rollback()` and `begin()` is refused with that failure,
/// so that the rest of the transaction does not take effect alone: `rolled_back` after a deadlock,
/// `errc::transaction_ended` with outcome `unknown` if the statements before may have been committed. The statements
/// COMMIT, ROLLBACK, BEGIN and START TRANSACTION are refused inside a transaction that `begin()` has begun:
/// `errc::invalid_statement`. See `actors.hpp`.
class database::session {
public:
  session(const session&) = delete;
  session& operator=(const session&) = delete;

  /// Checks in. Errors do not matter: then the connection is gone, or the pool.
  ~session();

  /// The pool's id of it, for logs.
  session_id id() const noexcept;

  /// Runs one statement, inside the open transaction if there is one. Never repeated. Its `timeout` counts from the
  /// call; zero means no limit but the session's.
  result execute(statement query);

  /// Begins a transaction. Fails with `invalid_statement` if one is open already.
  void begin(transaction_options options = {});

  /// Commits the open transaction. If the connection is lost meanwhile the outcome is `unknown`.
  void commit();

  /// Rolls the open transaction back, or clears the failure of one that has ended on its own.
  void rollback();

  /// Sets a savepoint in the open transaction, to which `rollback_to` returns. A second one of the same name replaces
  /// the first.
  void savepoint(std::string name);

  /// Undoes what came after the savepoint of that name; the transaction stays open.
  void rollback_to(std::string name);

  /// Excludes the connection from reuse: it is closed when the session ends, and replaced.
  void evict();

private:
  friend class database;

  struct impl;

  session(database::impl& owner, session_options terms);

  /// Rolls back the open transaction, whatever state the session is in. If it may have been committed before, throws
  /// that failure, with `thrown` nested inside unless that is null or carries the same failure.
  void abandon(std::exception_ptr thrown);

  std::unique_ptr<impl> impl_;
};

template <class F>
auto database::with_session(F&& f, session_options terms) {
  session checked_out{*impl_, std::move(terms)};
  return std::invoke(std::forward<F>(f), checked_out);
}

template <class F>
auto database::with_transaction(F&& f, transaction_options options, session_options terms) {
  session checked_out{*impl_, std::move(terms)};
  checked_out.begin(options);
  try {
    using answer = std::invoke_result_t<F, session&>;
    if constexpr (std::is_void_v<answer>) {
      std::invoke(std::forward<F>(f), checked_out);
      checked_out.commit();
    } else {
      auto out = std::invoke(std::forward<F>(f), checked_out);
      auto failed = false;
      if constexpr (detail::expected_like<std::decay_t<answer>>)
        failed = !out;
      if (failed)
        checked_out.abandon(nullptr);
      else
        checked_out.commit();
      return out;
    }
  } catch (...) {
    checked_out.abandon(std::current_exception());
    throw;
  }
}

} // namespace cenote
