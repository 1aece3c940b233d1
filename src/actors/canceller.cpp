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

/// The result for one session.
using kill_result = tl::expected<kill_outcome, db::driver_error>;

/// Whether nothing is left to do for it.
bool is_settled(const kill_result& result) {
  return result && (*result == kill_outcome::done || *result == kill_outcome::gone);
}

/// The work for one session.
struct task {
  server_session target;
  bool whole_session = false; ///< Otherwise only its statement.
};

/// State that the canceller and its other thread share; each uses it only while the other waits.
struct shared_session {
  std::shared_ptr<const server_settings> server;
  std::optional<db::control_session> session;

  kill_result kill(const server_session& target, bool whole_session) {
    return whole_session ? session->end_session(target) : session->stop_statement(target);
  }

  /// Blocks. A control session that has been idle for long may be dead, and one may be with another server: then the
  /// next one is opened.
  kill_result perform(const server_session& target, bool whole_session) {
    if (target.server.instance.empty())
      return kill_outcome::elsewhere;
    for (int tries = 0; tries < max_tries; ++tries) {
      auto is_new = !session;
      if (is_new) {
        auto opened = db::control_session::open(*server);
        if (!opened)
          return tl::unexpected{std::move(opened.error())};
        session = std::move(*opened);
      }
      auto result = kill(target, whole_session);
      if (result && *result != kill_outcome::elsewhere)
        return result;
      session.reset();
      if (!result && is_new)
        return result;
    }
    return kill_outcome::elsewhere;
  }

  /// Blocks. If the server cannot be reached, it is not tried again for each of the others.
  std::vector<kill_result> perform(const std::vector<task>& tasks) {
    std::vector<kill_result> results;
    for (auto& task : tasks) {
      if (!results.empty() && !results.back())
        results.push_back(results.back());
      else
        results.push_back(perform(task.target, task.whole_session));
    }
    return results;
  }
};

failure not_identified() {
  return own_failure(
      errc::connection_lost, outcome::unavailable,
      "the server of a session could not be found again behind its address, or does not identify itself: "
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

  canceller_state(pointer this_actor, std::shared_ptr<const server_settings> server)
      : self{this_actor}, shared{std::make_shared<shared_session>()} {
    shared->server = std::move(server);
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
        [this](stop_atom, server_session& session) { return stop(std::move(session)); },
        [this](end_atom, server_session& session) { end(std::move(session)); },
        [this](reconfigure_atom, std::shared_ptr<const server_settings>& settings) {
          next_settings = std::move(settings);
          next();
        },
        [this](done_atom) {
          if (call && call->ended()) // Otherwise it belongs to the call before, which was given up at that moment.
            done();
        },
    };
  }

  caf::result<void> stop(server_session session) {
    auto result = self->make_response_promise<void>();
    to_stop.push_back({std::move(session), false});
    promises.push_back(result);
    next();
    return result;
  }

  void end(server_session session) {
    if (session.server.instance.empty()) {
      log().warn(
          "session {} may still run at {}: the server does not identify itself, so that it cannot be ended safely",
          session.id, shared->server->endpoint());
      return;
    }
    if (!orphans.add(std::move(session), now()))
      log().warn("too many sessions wait to be ended at {}: the oldest one is given up", shared->server->endpoint());
    next();
  }

  /// Callers that wait for a stop come first. Sessions that are left when this actor ends are tried once more.
  void next() {
    if (call)
      return;
    if (next_settings)
      shared->server = std::exchange(next_settings, nullptr);
    if (!to_stop.empty()) {
      waiting = std::exchange(promises, {});
      start(std::exchange(to_stop, {}));
    } else if (!orphans.empty() && (ending || orphans.next_attempt() <= now())) {
      std::vector<task> next_tasks;
      for (auto& orphan : orphans.all())
        next_tasks.push_back({std::move(orphan), true});
      start(std::move(next_tasks));
    } else if (ending) {
      self->quit();
    } else if (!orphans.empty()) {
      set_timer(orphans.next_attempt() - now(), [this] { next(); });
    }
  }

  template <class F>
  void set_timer(caf::timespan delay, F handler) {
    timer.dispose();
    timer = self->run_delayed(delay, [this, handler] { guard(*this, handler); });
  }

  /// Connecting blocks, so it is done on a thread of its own.
  void start(std::vector<task> next_tasks) {
    tasks = std::move(next_tasks);
    auto limit = shared->server->connect_timeout;
    call.emplace(
        limit, [shared = shared, next_tasks = tasks]() -> results { return shared->perform(next_tasks); },
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
    auto outcomes = call->take();
    auto began = !call->problem();
    call.reset();
    if (!outcomes) {
      shared = std::make_shared<shared_session>(shared_session{shared->server, std::nullopt});
      auto result = began ? kill_result{kill_outcome::unanswered} : tl::unexpected{outcomes.error()};
      outcomes = std::vector<kill_result>(tasks.size(), result);
    }
    if (waiting.empty())
      ended(*outcomes);
    else
      stopped(*outcomes);
    next();
  }

  void stopped(const std::vector<kill_result>& outcomes) {
    auto answers = std::exchange(waiting, {});
    std::string last;
    size_t failed = 0;
    for (size_t i = 0; i < outcomes.size(); ++i) {
      if (is_settled(outcomes[i])) {
        answers[i].deliver();
        continue;
      }
      auto error = !outcomes[i]                              ? to_failure(outcomes[i].error(), *shared->server)
                   : *outcomes[i] == kill_outcome::elsewhere ? not_identified()
                                                             : not_answered();
      last = to_string(error);
      ++failed;
      answers[i].deliver(make_error(std::move(error)));
    }
    if (failed > 0)
      log().warn("could not stop {} statements at {}: {}", failed, shared->server->endpoint(), last);
  }

  void ended(const std::vector<kill_result>& outcomes) {
    auto refused = false;
    for (size_t i = 0; i < outcomes.size(); ++i) {
      if (!outcomes[i])
        refused |= to_failure(outcomes[i].error(), *shared->server).code == errc::login_refused;
      else if (is_settled(outcomes[i]))
        orphans.settled(tasks[i].target);
      if (outcomes[i] && *outcomes[i] == kill_outcome::done)
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
    for (auto& session : dropped)
      log().warn("session {} at {} may still be running: it could not be ended, because its server was not reached",
                 session.id, shared->server->endpoint());
  }

  void defect(const char* problem) {
    log().error("an exception while sessions were being stopped: {}", problem);
    timer.dispose();
    call.reset();
    to_stop.clear();
    promises.clear(); // Each answers with an error.
    waiting.clear();
    orphans.clear();
  }

  caf::actor_clock::time_point now() const { return self->clock().now(); }

  pointer self;
  std::shared_ptr<shared_session> shared;
  std::shared_ptr<const server_settings>
      next_settings;       ///< Applied as soon as the other thread does not use the present ones.
  std::vector<task> tasks; ///< Of the call.
  std::optional<db::guarded_call<std::vector<kill_result>>> call;
  std::vector<task> to_stop;
  std::vector<promise> promises; ///< Of `to_stop`, in the same order.
  std::vector<promise> waiting;  ///< Of the statements that are being stopped; empty while sessions are ended.
  pool::orphaned_sessions orphans;
  caf::disposable timer;
  bool ending = false;
};

} // namespace

canceller_actor spawn_canceller(caf::actor_system& sys, std::shared_ptr<const server_settings> server) {
  return sys.spawn<canceller_actor::stateful_impl<canceller_state>>(std::move(server));
}

} // namespace cenote
