#include "remote/guest.hpp"

#include "log/log.hpp"
#include "runtime/guarded_behavior.hpp"
#include "runtime/resident.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <utility>

namespace cenote::remote {

namespace {

struct guest_state {
  using pointer = guest_actor::stateful_pointer<guest_state>;

  static inline const char* name = "cenote.guest";

  guest_state(pointer this_actor, io_thread_ptr thread, pool_actor served)
      : self{this_actor}, home{std::move(thread)}, pool{std::move(served)} {
    // nop
  }

  guest_actor::behavior_type make_behavior() {
    return guarded(
        this,
        guest_actor::behavior_type{
            [this](checkout_atom a, session_options& terms) { return pass<session_id>(a, std::move(terms)); },
            [this](checkin_atom a, session_id id) { return pass<void>(a, id); },
            [this](execute_atom a, session_id id, statement& query) { return pass<result>(a, id, std::move(query)); },
            [this](begin_atom a, session_id id, const transaction_options& how) { return pass<void>(a, id, how); },
            [this](commit_atom a, session_id id) { return pass<void>(a, id); },
            [this](rollback_atom a, session_id id) { return pass<void>(a, id); },
            [this](savepoint_atom a, session_id id, std::string& point) { return pass<void>(a, id, std::move(point)); },
            [this](rollback_atom a, session_id id, std::string& point) { return pass<void>(a, id, std::move(point)); },
            [this](handover_atom a, session_id id, caf::strong_actor_ptr& to) {
              return pass<void>(a, id, std::move(to));
            },
            [this](evict_atom a, session_id id) { return pass<void>(a, id); },
            [this](close_atom) {
              closing = true;
              end_if_done();
            },
        });
  }

  /// Asks the pool in its own name. Without a timeout of CAF's: a pool answers every request within its own.
  template <class T, class... Ts>
  caf::result<T> pass(Ts&&... request) {
    auto promise = self->make_response_promise<T>();
    ++unanswered;
    auto answered = [this, promise](auto&... value) mutable {
      promise.deliver(std::move(value)...);
      --unanswered;
      end_if_done();
    };
    auto failed = [answered](caf::error& reason) mutable { answered(reason); };
    if constexpr (std::is_void_v<T>)
      self->request(pool, caf::infinite, std::forward<Ts>(request)...)
          .then([answered]() mutable { answered(); }, failed);
    else
      self->request(pool, caf::infinite, std::forward<Ts>(request)...)
          .then([answered](T& value) mutable { answered(value); }, failed);
    return promise;
  }

  void end_if_done() {
    if (closing && unanswered == 0)
      self->quit();
  }

  void defect(const char* problem) { log().error("an exception in a guest of the pool: {}; it continues", problem); }

  pointer self;
  io_thread_ptr home;
  pool_actor pool;
  size_t unanswered = 0;
  bool closing = false;
};

} // namespace

guest_actor spawn_guest(caf::actor_system& sys, const io_thread_ptr& thread, pool_actor pool) {
  return spawn_resident<guest_actor::stateful_impl<guest_state>>(sys, thread, thread, std::move(pool));
}

} // namespace cenote::remote
