#include "cenote/database.hpp"

#include "cenote/configuration.hpp"
#include "cenote/error.hpp"
#include "cenote/pool.hpp"
#include "client/blocking_caller.hpp"
#include "client/hosted_pool.hpp"
#include "client/waiting_thread.hpp"
#include "log/log.hpp"
#include "runtime/logger_guard.hpp"

#include <caf/actor_system.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>
#include <caf/settings.hpp>

#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>

namespace cenote {

namespace {

/// Only functions that listen to events run on them: pool and retrier have a thread of their own, and callers wait on
/// theirs.
caf::settings one_worker() {
  caf::settings options;
  caf::put(options, "caf.scheduler.max-threads", 1u);
  return options;
}

/// What a request came to.
template <class T>
T value_of(tl::expected<T, failure> answer) {
  if (!answer)
    throw database_error{std::move(answer.error())};
  if constexpr (!std::is_void_v<T>)
    return std::move(*answer);
}

} // namespace

database_error::database_error(failure error) : std::runtime_error{to_string(error)}, details_{std::move(error)} {
  // nop
}

// -- database ------------------------------------------------------------------------

struct database::impl {
  explicit impl(const settings& config) {
    check(config); // Including those of retries.
    logger_guard logger;
    own = std::make_unique<hosted_pool>(config, one_worker(), true);
    drain_timeout = config.pool.drain_timeout;
    sys = &own->system();
    pool = own->handle();
  }

  impl(caf::actor_system& system, pool_actor handle) : sys{&system}, pool{std::move(handle)} {
    if (pool.node() != sys->node())
      throw std::invalid_argument{"a cenote::database needs a pool of its own process: this one is on another node"};
  }

  /// A call, from its beginning to its end.
  class call;

  template <class T, class... Ts>
  T run(Ts&&... request);

  void subscribe(std::function<void(const pool_events&)> f);
  void close();

  std::unique_ptr<hosted_pool> own; ///< Null if the pool belongs to others.
  caf::timespan drain_timeout;      ///< Of its own pool.
  caf::actor_system* sys = nullptr;
  pool_actor pool;

  std::mutex mutex;
  std::vector<caf::actor> listeners; ///< Of `subscribe`; guarded by `mutex`.
  std::condition_variable changed;
  size_t calls = 0;
  bool closing = false;
  bool closed = false;
};

class database::impl::call {
public:
  explicit call(impl& of) : of_{of}, outer_{innermost} {
    refuse_actors();
    std::lock_guard guard{of.mutex};
    if (of.closing) {
      failure refusal;
      refusal.code = errc::shutting_down;
      refusal.outcome = outcome::unavailable;
      refusal.text = "the database was closed by this program";
      throw database_error{std::move(refusal)};
    }
    ++of.calls;
    innermost = this;
  }

  call(const call&) = delete;

  ~call() {
    innermost = outer_;
    std::lock_guard guard{of_.mutex};
    --of_.calls;
    of_.changed.notify_all(); // Inside the lock: afterwards a closing database may be gone.
  }

  /// Whether this thread is inside a call of that database.
  static bool runs(const impl& of) {
    for (auto current = innermost; current != nullptr; current = current->outer_)
      if (&current->of_ == &of)
        return true;
    return false;
  }

private:
  static thread_local call* innermost;

  impl& of_;
  call* outer_;
};

thread_local database::impl::call* database::impl::call::innermost = nullptr;

template <class T, class... Ts>
T database::impl::run(Ts&&... request) {
  call here{*this};
  return value_of(blocking_caller{pool}.ask<T>(std::forward<Ts>(request)...));
}

void database::impl::subscribe(std::function<void(const pool_events&)> f) {
  call here{*this};
  logger_guard logger;
  auto listener = sys->spawn([f = std::move(f)](caf::event_based_actor*) -> caf::behavior {
    return {[f](const pool_events& events) {
      try {
        f(events);
      } catch (const std::exception& err) {
        log().error("a function that listens to a pool has failed: {}", err.what());
      } catch (...) {
        log().error("a function that listens to a pool has failed");
      }
    }};
  });
  {
    std::lock_guard guard{mutex};
    listeners.push_back(listener);
  }
  try {
    value_of(blocking_caller{pool}.ask<void>(subscribe_atom_v, caf::actor_cast<caf::strong_actor_ptr>(listener)));
  } catch (...) {
    std::lock_guard guard{mutex};
    std::erase(listeners, listener);
    caf::anon_send_exit(listener, caf::exit_reason::user_shutdown);
    throw;
  }
}

void database::impl::close() {
  {
    std::unique_lock guard{mutex};
    if (closing) {
      changed.wait(guard, [this] { return closed; });
      return;
    }
    closing = true;
  }
  if (own) // If the pool has ended already, nothing is left to do.
    blocking_caller{pool}.ask<drain_report>(drain_atom_v, drain_timeout);
  std::unique_lock guard{mutex};
  changed.wait(guard, [this] { return calls == 0; });
  for (auto& listener : std::exchange(listeners, {}))
    caf::anon_send_exit(listener, caf::exit_reason::user_shutdown);
  pool = nullptr;
  own.reset();
  closed = true;
  changed.notify_all();
}

database::database(caf::actor_system& sys, pool_actor pool) : impl_{std::make_unique<impl>(sys, std::move(pool))} {
  // nop
}

database::database(const settings& config) : impl_{std::make_unique<impl>(config)} {
  // nop
}

database::~database() {
  impl_->close();
}

verification database::initialize() {
  return verify_connection();
}

verification database::verify_connection() {
  return impl_->run<verification>(verify_atom_v);
}

pool_status database::get_pool_status() {
  return impl_->run<pool_status>(status_atom_v);
}

pool_details database::get_details() {
  return impl_->run<pool_details>(details_atom_v);
}

std::vector<statement_summary> database::get_statements() {
  return impl_->run<std::vector<statement_summary>>(statements_atom_v);
}

void database::kill(session_id id) {
  impl_->run<void>(kill_atom_v, id);
}

result database::execute(statement query) {
  return impl_->run<result>(execute_atom_v, std::move(query));
}

std::vector<result> database::transact(transaction statements) {
  return impl_->run<std::vector<result>>(transact_atom_v, std::move(statements));
}

void database::dispose() {
  impl_->run<void>(dispose_atom_v);
}

void database::pause() {
  impl_->run<void>(pause_atom_v);
}

void database::resume() {
  impl_->run<void>(resume_atom_v);
}

void database::reconfigure(const settings& config) {
  impl_->run<void>(reconfigure_atom_v, settings_update{config});
}

effective_settings database::get_settings() {
  return impl_->run<effective_settings>(settings_atom_v);
}

void database::subscribe(std::function<void(const pool_events&)> f) {
  impl_->subscribe(std::move(f));
}

void database::close() {
  refuse_actors();
  if (impl::call::runs(*impl_))
    throw std::logic_error{"close() was called inside a function given to with_session: it would wait for itself"};
  impl_->close();
}

// -- session -------------------------------------------------------------------------

struct database::session::impl {
  impl(database::impl& of, session_options terms)
      : here{of}, self{of.pool}, id{value_of(self.ask<session_id>(checkout_atom_v, claimed(std::move(terms))))} {
    // nop
  }

  /// Its answer is waited for without a limit, so it cannot get lost, however long the function computes at first.
  static session_options claimed(session_options terms) {
    terms.unclaimed_timeout = terms.unclaimed_timeout.max();
    return terms;
  }

  /// Runs a command, and notes whether its failure means that an open transaction may have been committed.
  template <class T, class... Ts>
  T command(Ts&&... request);

  void check_thread() const {
    refuse_actors(); // Those that the session's thread runs while it waits.
    if (std::this_thread::get_id() != owner)
      throw std::logic_error{"a cenote::database::session was used in a thread other than its own"};
  }

  database::impl::call here;
  blocking_caller self; ///< For the pool, the holder of the session.
  session_id id;
  std::thread::id owner = std::this_thread::get_id();
  std::optional<failure> doubt; ///< Why the transaction may have been committed although nobody asked for that.
};

/// After its time limit, or an error of its own, a statement is over, and its transaction still open: its effects are
/// undone with the transaction.
static bool may_have_ended_transaction(errc code) {
  return code == errc::transaction_ended || code == errc::connection_lost || code == errc::session_ended
         || code == errc::pool_gone || code == errc::internal;
}

template <class T, class... Ts>
T database::session::impl::command(Ts&&... request) {
  check_thread();
  try {
    return value_of(self.ask<T>(std::forward<Ts>(request)...));
  } catch (const database_error& err) {
    if (err.details().outcome == outcome::unknown && may_have_ended_transaction(err.details().code))
      doubt = err.details();
    throw;
  }
}

database::session::session(database::impl& of, session_options terms)
    : impl_{std::make_unique<impl>(of, std::move(terms))} {
  // nop
}

database::session::~session() {
  try {
    impl_->self.ask<void>(checkin_atom_v, impl_->id);
  } catch (const std::exception&) {
    // Nobody could be told. The pool takes the session back from a holder that has ended, as `self` does now.
  }
}

session_id database::session::id() const noexcept {
  return impl_->id;
}

result database::session::execute(statement query) {
  return impl_->command<result>(execute_atom_v, impl_->id, std::move(query));
}

void database::session::begin(transaction_options options) {
  impl_->command<void>(begin_atom_v, impl_->id, options);
}

void database::session::commit() {
  impl_->command<void>(commit_atom_v, impl_->id);
}

void database::session::rollback() {
  impl_->command<void>(rollback_atom_v, impl_->id);
}

void database::session::savepoint(std::string name) {
  impl_->command<void>(savepoint_atom_v, impl_->id, std::move(name));
}

void database::session::rollback_to(std::string name) {
  impl_->command<void>(rollback_atom_v, impl_->id, std::move(name));
}

void database::session::evict() {
  impl_->command<void>(evict_atom_v, impl_->id);
}

void database::session::abandon(std::exception_ptr thrown) {
  auto doubt = std::exchange(impl_->doubt, std::nullopt);
  try {
    rollback();
  } catch (const std::exception&) {
    // The server does it when the connection is released, or lost.
  }
  if (!doubt)
    return;
  if (!thrown)
    throw database_error{std::move(*doubt)};
  try {
    std::rethrow_exception(thrown);
  } catch (const database_error& err) {
    if (err.details().outcome == outcome::unknown)
      throw;
    std::throw_with_nested(database_error{std::move(*doubt)});
  } catch (...) {
    std::throw_with_nested(database_error{std::move(*doubt)});
  }
}

} // namespace cenote
