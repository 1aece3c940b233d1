#include "actors/controller.hpp"

#include "actors/guarded_behavior.hpp"
#include "actors/judgement.hpp"
#include "actors/log.hpp"
#include "cenote/error.hpp"
#include "db/control_session.hpp"
#include "db/guarded_call.hpp"

#include <caf/actor_system.hpp>
#include <caf/disposable.hpp>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <deque>
#include <optional>
#include <utility>

namespace cenote {

namespace {

/// What the controller's session and its user on another thread share; the one uses it only while the other waits.
struct shared_session {
  std::shared_ptr<const server_settings> server;
  std::optional<db::control_session> session;
};

using outcome_of_kill = tl::expected<void, db::trouble>;

struct job {
  uint64_t session_id;
  bool whole_session; ///< Else only what it runs.
  caf::typed_response_promise<void> promise;
};

outcome_of_kill kill(db::control_session& session, uint64_t id, bool whole_session) {
  return whole_session ? session.end_session(id) : session.stop_statement(id);
}

/// Blocks. A session that has been idle for long may be dead: then another one is opened.
outcome_of_kill kill(shared_session& x, uint64_t id, bool whole_session) {
  if (x.session && kill(*x.session, id, whole_session))
    return {};
  x.session.reset();
  auto opened = db::control_session::open(*x.server);
  if (!opened)
    return tl::unexpected{std::move(opened.error())};
  x.session = std::move(*opened);
  return kill(*x.session, id, whole_session);
}

struct controller_state {
  using pointer = controller_actor::stateful_pointer<controller_state>;

  static inline const char* name = "cenote.controller";

  controller_state(pointer this_actor, std::shared_ptr<const server_settings> where)
      : self{this_actor}, session{std::make_shared<shared_session>()} {
    session->server = std::move(where);
  }

  controller_actor::behavior_type make_behavior() {
    self->set_exit_handler([this](const caf::exit_msg&) {
      ending = true;
      next();
    });
    return guarded(this, handlers());
  }

  controller_actor::behavior_type handlers() {
    return {
        [this](stop_atom, uint64_t id) { return add(id, false); },
        [this](end_atom, uint64_t id) { return add(id, true); },
        [this](done_atom, const failure&) {
          if (call && call->ended()) // Otherwise it is about the one before, which was given up in that moment.
            done();
        },
    };
  }

  caf::result<void> add(uint64_t id, bool whole_session) {
    auto promise = self->make_response_promise<void>();
    jobs.push_back({id, whole_session, promise});
    next();
    return promise;
  }

  /// Connecting blocks, so it is done on a thread of its own.
  void next() {
    if (busy)
      return;
    if (jobs.empty()) {
      if (ending)
        self->quit();
      return;
    }
    busy = true;
    auto limit = session->server->connect_timeout;
    call.emplace(
        limit,
        [session = session, id = jobs.front().session_id, whole = jobs.front().whole_session] {
          return kill(*session, id, whole);
        },
        [back = controller_actor{self}] { caf::anon_send(back, done_atom_v, failure{}); });
    if (call->problem())
      self->send(controller_actor{self}, done_atom_v, failure{});
    else
      timer = self->run_delayed(limit, [this] { guard(*this, [this] { give_up(); }); });
  }

  void give_up() {
    call->cut();
    timer = self->run_delayed(db::guarded_thread::grace, [this] { guard(*this, [this] { done(); }); });
  }

  /// The thread has ended, or was given up: then the session is left to it.
  void done() {
    timer.dispose();
    auto outcome = call->take();
    call.reset();
    auto server = session->server;
    if (!outcome)
      session = std::make_shared<shared_session>(shared_session{server, std::nullopt});
    finished(outcome ? failure{} : to_failure(outcome.error(), *server));
  }

  void finished(const failure& why) {
    busy = false;
    if (why.text.empty()) {
      jobs.front().promise.deliver();
      jobs.pop_front();
    } else {
      // The others would each wait for the same server in vain.
      log().warn("could not stop {} sessions: {}", jobs.size(), to_string(why));
      for (auto& x : std::exchange(jobs, {}))
        x.promise.deliver(make_error(why));
    }
    next();
  }

  void defect(const char* what) {
    log().error("an exception while sessions were being stopped: {}", what);
    timer.dispose();
    call.reset();
    busy = false;
    jobs.clear(); // Their promises say so.
  }

  pointer self;
  std::shared_ptr<shared_session> session;
  std::deque<job> jobs; ///< The first one is being done if busy.
  std::optional<db::guarded_call<void>> call;
  caf::disposable timer;
  bool busy = false;
  bool ending = false;
};

} // namespace

controller_actor spawn_controller(caf::actor_system& sys, std::shared_ptr<const server_settings> server) {
  return sys.spawn<controller_actor::stateful_impl<controller_state>>(std::move(server));
}

} // namespace cenote
