#pragma once

#include "support/actor_fixture.hpp"

#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace cenote::test {

/// The outcome of a request that has no result of its own.
using done = answer<void>;

/// An actor that uses sessions of a pool: it sends requests for the test, in order, and lives until it is told to end.
class session_user {
public:
  session_user(caf::actor_system& sys, pool_actor pool);
  session_user(const session_user&) = delete;
  session_user& operator=(const session_user&) = delete;
  ~session_user();

  awaited<session_id> ask_checkout(session_options options = {});

  /// Checks a session out that has to come.
  /// @throws std::runtime_error with the failure if it does not.
  session_id checkout(session_options options = {});

  awaited<void> ask_checkin(session_id id);
  done checkin(session_id id) { return ask_checkin(id).get(); }

  awaited<result> ask(session_id id, statement query);
  answer<result> run(session_id id, statement query) { return ask(id, std::move(query)).get(); }

  /// Runs a statement that has to succeed.
  /// @throws std::runtime_error with the failure if it does not.
  result must(session_id id, statement query);

  awaited<void> ask_begin(session_id id, transaction_options options = {});
  done begin(session_id id, transaction_options options = {}) { return ask_begin(id, options).get(); }
  awaited<void> ask_commit(session_id id);
  done commit(session_id id) { return ask_commit(id).get(); }
  awaited<void> ask_rollback(session_id id);
  done rollback(session_id id) { return ask_rollback(id).get(); }
  done savepoint(session_id id, std::string name);
  done rollback(session_id id, std::string name);

  /// Gives a session to another actor.
  done hand_over(session_id id, const session_user& new_holder);
  done evict(session_id id);

  /// The actor itself.
  caf::strong_actor_ptr handle() const { return caf::actor_cast<caf::strong_actor_ptr>(self_); }

  /// Ends the actor. Requests not sent by then are not sent any more.
  void end();

private:
  using work = std::function<void(caf::event_based_actor*)>;
  struct shared;

  void perform(work step);

  template <class T, class... Ts>
  awaited<T> request(Ts... args) {
    auto promise = std::make_shared<std::promise<answer<T>>>();
    awaited<T> result{promise->get_future()};
    perform([promise, pool = pool_, ... args = std::move(args)](caf::event_based_actor* self) {
      auto failed = [promise](const caf::error& error) { promise->set_value(tl::unexpected{details(error)}); };
      if constexpr (std::is_void_v<T>)
        self->request(pool, caf::infinite, args...).then([promise] { promise->set_value({}); }, failed);
      else
        self->request(pool, caf::infinite, args...)
            .then([promise](const T& received) { promise->set_value(received); }, failed);
    });
    return result;
  }

  pool_actor pool_;
  std::shared_ptr<shared> shared_;
  caf::actor self_;
};

} // namespace cenote::test
