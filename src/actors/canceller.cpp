#include "actors/canceller.hpp"

#include "cenote/error.hpp"
#include "connection/classification.hpp"
#include "db/control_session.hpp"
#include "db/guarded_call.hpp"
#include "log/log.hpp"
#include "pool/orphaned_sessions.hpp"
#include "runtime/guarded_behavior.hpp"

#include <caf/actor_system.hpp>
#include <caf/disposable.hpp>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <optional>
#include <utility>
#include <vector>

namespace cenote {

namespace {

using kill_outcome = db::kill_outcome;

/// How often another control session is opened in turn: behind a balancer the next one may reach the right server.
constexpr int max_tries = 5;

/// What came of one session.
using kill_result = tl::expected<kill_outcome, db::driver_error>;

/// Whether nothing is left to be done for it.
bool is_settled(const kill_result& x) {
  return x && (*x == kill_outcome::done || *x == kill_outcome::gone);
}

/// What is done for one session.
struct task {
  server_session target;
  bool whole_session = false; ///< Else only what it runs.
};

/// What the canceller and its other thread share; the one uses it only while the other waits.
struct shared_session {
  std::shared_ptr<const server_settings> server;
  std::optional<db::control_session> session;

  kill_result kill(const server_session& who, bool whole_session) {
    return whole_session ? session->end_session(who) : session->stop_statement(who);
  }

  /// Blocks. A control session that has been idle for long may be dead, and one may be with another server: then the
  /// next one is opened.
  kill_result perform(const server_session& who, bool whole_session) {
    if (who.server.instance.empty())
      return kill_outcome::elsewhere;
    for (int tries = 0; tries < max_tries; ++tries) {
      auto is_new = !session;
      if (is_new) {
        auto opened = db::control_session::open(*server);
        if (!opened)
          return tl::unexpected{std::move(opened.error())};
        session = std::move(*opened);
      }
      auto came = kill(who, whole_session);
      if (came && *came != kill_outcome::elsewhere)
        return came;
      session.reset();
      if (!came && is_new)
        return came;
    }
    return kill_outcome::elsewhere;
  }

  /// Blocks. When the server cannot be told, the others would each wait for it in vain.
  std::vector<kill_result> perform(const std::vector<task>& all) {
    std::vector<kill_result> results;
    for (auto& x : all) {
      if (!results.empty() && !results.back())
        results.push_back(results.back());
      else
        results.push_back(perform(x.target, x.whole_session));
    }
    return results;
  }
};

failure not_identified() {
  return own_failure(errc::connection_lost, outcome::unavailable,
                     "the server of a session could not be found again behind its address, or does not say who it is: "
                     "the statement was not stopped");
}

failure not_answered() {
  return own_failure(errc::connection_lost, outcome::unknown,
                     "the connection was lost, or the time was up, before the server had confirmed it");
}

struct canceller_state {
  using pointer = canceller_actor::stateful_pointer<canceller_state>;
  using promise = caf::typed_response_promise<void>;
  using results = tl::expected<std::vector<kill_result>, db::driver_error>;

  static inline const char* name = "cenote.canceller";

  canceller_state(pointer this_actor, std::shared_ptr<const server_settings> where)
      : self{this_actor}, shared{std::make_shared<shared_session>()} {
    shared->server = std::move(where);
  }

  ~canceller_state() { timer.dispose(); }

  canceller_actor::behavior_type make_behavior() {
    self->set_exit_handler([this](const caf::exit_msg&) {
      ending = true;
      next();
    });
    return guarded(this, handlers());
  }

  canceller_actor::behavior_type handlers() {
    return {
        [this](stop_atom, server_session& x) { return stop(std::move(x)); },
        [this](end_atom, server_session& x) { end(std::move(x)); },
        [this](reconfigure_atom, std::shared_ptr<const server_settings>& x) {
          next_settings = std::move(x);
          next();
        },
        [this](done_atom) {
          if (call && call->ended()) // Otherwise it is about the one before, which was given up in that moment.
            done();
        },
    };
  }

  caf::result<void> stop(server_session x) {
    auto result = self->make_response_promise<void>();
    to_stop.push_back({std::move(x), false});
    promises.push_back(result);
    next();
    return result;
  }

  void end(server_session x) {
    if (x.server.instance.empty()) {
      log().warn("session {} may go on at {}: the server does not say who it is, so that it cannot be ended safely",
                 x.id, shared->server->endpoint());
      return;
    }
    if (!orphans.add(std::move(x), now()))
      log().warn("too many sessions wait for being ended at {}: the oldest is left alone", shared->server->endpoint());
    next();
  }

  /// Callers that wait for a stop come first. What is due when this actor ends is tried once more.
  void next() {
    if (call)
      return;
    if (next_settings)
      shared->server = std::exchange(next_settings, nullptr);
    if (!to_stop.empty()) {
      waiting = std::exchange(promises, {});
      start(std::exchange(to_stop, {}));
    } else if (!orphans.empty() && (ending || orphans.next_attempt() <= now())) {
      std::vector<task> all;
      for (auto& x : orphans.all())
        all.push_back({std::move(x), true});
      start(std::move(all));
    } else if (ending) {
      self->quit();
    } else if (!orphans.empty()) {
      set_timer(orphans.next_attempt() - now(), [this] { next(); });
    }
  }

  template <class F>
  void set_timer(caf::timespan delay, F what) {
    timer.dispose();
    timer = self->run_delayed(delay, [this, what] { guard(*this, what); });
  }

  /// Connecting blocks, so it is done on a thread of its own.
  void start(std::vector<task> all) {
    tasks = std::move(all);
    auto limit = shared->server->connect_timeout;
    call.emplace(
        limit, [shared = shared, all = tasks]() -> results { return shared->perform(all); },
        [back = canceller_actor{self}] { caf::anon_send(back, done_atom_v); });
    if (call->problem())
      self->send(canceller_actor{self}, done_atom_v);
    else
      set_timer(limit, [this] { cut(); });
  }

  void cut() {
    call->cut();
    set_timer(db::guarded_thread::grace, [this] { done(); });
  }

  /// The thread has ended, or was given up: then the session is left to it.
  void done() {
    timer.dispose();
    auto came = call->take();
    auto began = !call->problem();
    call.reset();
    if (!came) {
      shared = std::make_shared<shared_session>(shared_session{shared->server, std::nullopt});
      auto result = began ? kill_result{kill_outcome::unanswered} : tl::unexpected{came.error()};
      came = std::vector<kill_result>(tasks.size(), result);
    }
    if (waiting.empty())
      ended(*came);
    else
      stopped(*came);
    next();
  }

  void stopped(const std::vector<kill_result>& came) {
    auto to_tell = std::exchange(waiting, {});
    std::string last;
    size_t failed = 0;
    for (size_t i = 0; i < came.size(); ++i) {
      if (is_settled(came[i])) {
        to_tell[i].deliver();
        continue;
      }
      auto why = !came[i]                              ? to_failure(came[i].error(), *shared->server)
                 : *came[i] == kill_outcome::elsewhere ? not_identified()
                                                       : not_answered();
      last = to_string(why);
      ++failed;
      to_tell[i].deliver(make_error(std::move(why)));
    }
    if (failed > 0)
      log().warn("could not stop {} statements at {}: {}", failed, shared->server->endpoint(), last);
  }

  void ended(const std::vector<kill_result>& came) {
    auto refused = false;
    for (size_t i = 0; i < came.size(); ++i) {
      if (!came[i])
        refused |= to_failure(came[i].error(), *shared->server).code == errc::login_refused;
      else if (is_settled(came[i]))
        orphans.settled(tasks[i].target);
      if (came[i] && *came[i] == kill_outcome::done)
        log().info("session {} at {} was left running when its connection was cut, and has been ended",
                   tasks[i].target.id, shared->server->endpoint());
    }
    // Logins that are refused again and again lock accounts.
    drop_orphans(refused || ending);
  }

  /// Those that have been tried for long enough, or all.
  void drop_orphans(bool all) {
    auto dropped = orphans.attempted(now());
    if (all) {
      auto others = orphans.all();
      dropped.insert(dropped.end(), others.begin(), others.end());
      orphans.clear();
    }
    for (auto& x : dropped)
      log().warn("session {} at {} may still be running: its server could not be told to end it", x.id,
                 shared->server->endpoint());
  }

  void defect(const char* what) {
    log().error("an exception while sessions were being stopped: {}", what);
    timer.dispose();
    call.reset();
    to_stop.clear();
    promises.clear(); // They say so.
    waiting.clear();
    orphans.clear();
  }

  caf::actor_clock::time_point now() const { return self->clock().now(); }

  pointer self;
  std::shared_ptr<shared_session> shared;
  std::shared_ptr<const server_settings> next_settings; ///< As soon as the other thread does not use those before.
  std::vector<task> tasks;                              ///< Of the call.
  std::optional<db::guarded_call<std::vector<kill_result>>> call;
  std::vector<task> to_stop;
  std::vector<promise> promises; ///< Of those, in the same order.
  std::vector<promise> waiting;  ///< Of those that are being stopped; empty while sessions are ended.
  pool::orphaned_sessions orphans;
  caf::disposable timer;
  bool ending = false;
};

} // namespace

canceller_actor spawn_canceller(caf::actor_system& sys, std::shared_ptr<const server_settings> server) {
  return sys.spawn<canceller_actor::stateful_impl<canceller_state>>(std::move(server));
}

} // namespace cenote
