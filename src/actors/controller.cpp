#include "actors/controller.hpp"

#include "actors/judgement.hpp"
#include "actors/log.hpp"
#include "cenote/error.hpp"
#include "db/control_session.hpp"

#include <caf/actor_system.hpp>
#include <caf/event_based_actor.hpp>
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
    return {
        [this](stop_atom, uint64_t id) { return add(id, false); },
        [this](end_atom, uint64_t id) { return add(id, true); },
        [this](done_atom, const failure& why) { finished(why); },
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
    self->system().spawn<caf::detached>([session = session, id = jobs.front().session_id,
                                         whole = jobs.front().whole_session,
                                         back = controller_actor{self}](caf::event_based_actor* worker) {
      auto done = kill(*session, id, whole);
      worker->send(back, done_atom_v, done ? failure{} : to_failure(done.error(), *session->server));
    });
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

  pointer self;
  std::shared_ptr<shared_session> session;
  std::deque<job> jobs; ///< The first one is being done if busy.
  bool busy = false;
  bool ending = false;
};

} // namespace

controller_actor spawn_controller(caf::actor_system& sys, std::shared_ptr<const server_settings> server) {
  return sys.spawn<controller_actor::stateful_impl<controller_state>>(std::move(server));
}

} // namespace cenote
