#include "actors/event_feed.hpp"
#include "cenote/pool.hpp"
#include "connection/classification.hpp"
#include "log/log.hpp"
#include "log/log_pacer.hpp"
#include "metrics/retry_metrics.hpp"
#include "pool/retry_rules.hpp"
#include "runtime/guarded_behavior.hpp"
#include "runtime/liveness.hpp"

#include <caf/actor_system.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <algorithm>
#include <memory>
#include <random>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

namespace cenote {

namespace {

/// A request that is being served, over all its attempts.
struct task {
  std::variant<statement, transaction> request;
  caf::strong_actor_ptr user; ///< Whose death makes it useless.
  caf::response_promise promise;
  pool::failed_attempt progress;
  failure last;          ///< Why the last attempt failed.
  bool in_doubt = false; ///< An attempt before may have run.
};

using task_ptr = std::shared_ptr<task>;

using results = std::vector<result>;

statement_kind repeatable_as(const statement& x) {
  return x.kind;
}

/// A transaction whose COMMIT is in doubt is never repeated, whatever it consists of; all other doubts are removed by
/// the server's rolling it back.
statement_kind repeatable_as(const transaction& x) {
  return kind_of(x) == statement_kind::read ? statement_kind::read : statement_kind::write;
}

struct retrier_state {
  using pointer = pool_actor::stateful_pointer<retrier_state>;

  static inline const char* name = "cenote.retrier";

  retrier_state(pointer this_actor, pool_actor decorated, const retry_settings& settings, uint64_t seed)
      : self{this_actor},
        pool{std::move(decorated)},
        rules{settings},
        measured{this_actor->system().metrics()},
        rng{static_cast<std::minstd_rand::result_type>(seed)},
        feed{{}, [this](auto& whom, auto id, pool_events what) { send_events(whom, id, std::move(what)); }} {
    // nop
  }

  pool_actor::behavior_type make_behavior() {
    self->monitor(pool);
    self->set_down_handler([this](const caf::down_msg& x) {
      guard(*this, [&] {
        if (x.source == pool.address())
          pool_has_ended();
        else
          feed.remove(x.source);
      });
    });
    return guarded(this, handlers());
  }

  pool_actor::behavior_type handlers() {
    return {
        [this](execute_atom, statement& what) -> caf::result<result> {
          start(std::move(what), self->current_sender());
          return caf::delegated<result>{};
        },
        [this](execute_atom, statement& what, caf::strong_actor_ptr& user) -> caf::result<result> {
          start(std::move(what), std::move(user));
          return caf::delegated<result>{};
        },
        [this](transact_atom, transaction& what) -> caf::result<results> {
          start(std::move(what), self->current_sender());
          return caf::delegated<results>{};
        },
        [this](transact_atom, transaction& what, caf::strong_actor_ptr& user) -> caf::result<results> {
          start(std::move(what), std::move(user));
          return caf::delegated<results>{};
        },
        // Only its holder knows what to repeat of a session.
        [this](checkout_atom a, session_options& how) { return self->delegate(pool, a, std::move(how)); },
        [this](checkout_atom a, session_options& how, caf::strong_actor_ptr& holder) {
          return self->delegate(pool, a, std::move(how), std::move(holder));
        },
        [this](checkin_atom a, session_id id) { return self->delegate(pool, a, id); },
        [this](execute_atom a, session_id id, statement& what) { return self->delegate(pool, a, id, std::move(what)); },
        [this](begin_atom a, session_id id, const transaction_options& how) {
          return self->delegate(pool, a, id, how);
        },
        [this](commit_atom a, session_id id) { return self->delegate(pool, a, id); },
        [this](rollback_atom a, session_id id) { return self->delegate(pool, a, id); },
        [this](savepoint_atom a, session_id id, std::string& savepoint) {
          return self->delegate(pool, a, id, std::move(savepoint));
        },
        [this](rollback_atom a, session_id id, std::string& savepoint) {
          return self->delegate(pool, a, id, std::move(savepoint));
        },
        [this](handover_atom a, session_id id, caf::strong_actor_ptr& to) {
          return self->delegate(pool, a, id, std::move(to));
        },
        [this](evict_atom a, session_id id) { return self->delegate(pool, a, id); },
        [this](verify_atom) { return self->delegate(pool, verify_atom_v); },
        [this](status_atom) { return self->delegate(pool, status_atom_v); },
        [this](details_atom) { return self->delegate(pool, details_atom_v); },
        [this](statements_atom) { return self->delegate(pool, statements_atom_v); },
        [this](kill_atom, session_id id) { return self->delegate(pool, kill_atom_v, id); },
        [this](settings_atom) { return settings_in_force(); },
        [this](reconfigure_atom, settings_update& x) { return reconfigure(std::move(x)); },
        [this](dispose_atom) { return self->delegate(pool, dispose_atom_v); },
        [this](pause_atom) { return self->delegate(pool, pause_atom_v); },
        [this](resume_atom) { return self->delegate(pool, resume_atom_v); },
        [this](subscribe_atom) { return subscribe(self->current_sender()); },
        [this](unsubscribe_atom) { return unsubscribe(self->current_sender()); },
        [this](subscribe_atom, const caf::strong_actor_ptr& who) { return subscribe(who); },
        [this](unsubscribe_atom, const caf::strong_actor_ptr& who) { return unsubscribe(who); },
        [this](drain_atom, caf::timespan limit) { return self->delegate(pool, drain_atom_v, limit); },
    };
  }

  caf::result<effective_settings> settings_in_force() {
    auto promise = self->make_response_promise<effective_settings>();
    // No timeout of CAF's: the pool answers at once.
    self->request(pool, caf::infinite, settings_atom_v)
        .then(
            [this, promise](effective_settings& x) mutable {
              x.retry = rules;
              promise.deliver(std::move(x));
            },
            [promise](caf::error& why) mutable { promise.deliver(std::move(why)); });
    return promise;
  }

  /// The pool checks all of them, those of retries, too.
  caf::result<void> reconfigure(settings_update x) {
    auto promise = self->make_response_promise<void>();
    self->request(pool, caf::infinite, reconfigure_atom_v, x)
        .then(
            [this, promise, x]() mutable {
              rules = x.content().retry;
              promise.deliver();
            },
            [promise](caf::error& why) mutable { promise.deliver(std::move(why)); });
    return promise;
  }

  /// Tells what it does itself; the pool tells the rest.
  caf::result<void> subscribe(const caf::strong_actor_ptr& who) {
    auto promise = self->make_response_promise<void>();
    self->request(pool, caf::infinite, subscribe_atom_v, who)
        .then(
            [this, promise, who]() mutable {
              guard(*this, [&] {
                if (who && feed.add(who) == event_feed::subscription::added)
                  self->monitor(who);
              });
              promise.deliver();
            },
            [promise](caf::error& why) mutable { promise.deliver(std::move(why)); });
    return promise;
  }

  caf::delegated<void> unsubscribe(const caf::strong_actor_ptr& who) {
    forget_subscriber(caf::actor_cast<caf::actor_addr>(who));
    return self->delegate(pool, unsubscribe_atom_v, who);
  }

  void forget_subscriber(const caf::actor_addr& who) {
    if (feed.remove(who))
      self->demonitor(who);
  }

  void send_events(const caf::strong_actor_ptr& whom, event_feed::subscription_id id, pool_events what) {
    auto addr = caf::actor_cast<caf::actor_addr>(whom);
    self->request(caf::actor_cast<caf::actor>(whom), caf::infinite, std::move(what))
        .then([this, id] { guard(*this, [&] { feed.acknowledged(id); }); },
              [this, id, addr](const caf::error&) {
                guard(*this, [&] {
                  if (feed.is_current(id))
                    forget_subscriber(addr);
                });
              });
  }

  void publish_retry(const task& job, pool::duration delay, const failure& why) {
    if (!feed.has_subscribers())
      return;
    pool_event x;
    x.kind = event_kind::retried;
    x.attempts = job.progress.attempts;
    x.elapsed = delay;
    x.detail = to_string(why);
    feed.publish(std::move(x));
  }

  template <class Request>
  void start(Request what, caf::strong_actor_ptr user) {
    auto job = std::make_shared<task>();
    job->user = std::move(user);
    job->promise = self->make_response_promise();
    job->progress.kind = repeatable_as(what);
    job->progress.max_retries = what.max_retries;
    job->progress.deadline = deadline_after(self->clock().now(), what.timeout);
    job->request = std::move(what);
    attempt(job);
  }

  /// Whether the task is over because nobody waits for it any more.
  static bool is_abandoned(task& job) {
    if (!has_ended(job.user))
      return false;
    job.promise.deliver(make_error(caller_has_ended(outcome::rejected)));
    return true;
  }

  void attempt(const task_ptr& job) {
    if (is_abandoned(*job))
      return;
    if (pool_ended) { // What CAF would answer, but behind the end of this actor.
      job->promise.deliver(caf::make_error(caf::sec::request_receiver_down));
      return;
    }
    auto is_late = time_left(job->progress.deadline, self->clock().now()) == pool::duration::zero();
    if (is_late && job->progress.attempts > 1) { // The timer was late. A first attempt is refused by the pool.
      --job->progress.attempts;
      give_up(*job, std::move(job->last));
      return;
    }
    std::visit([this, &job](auto& what) { ask(job, what); }, job->request);
  }

  /// @param what stays with the job, for the next attempt.
  template <class Request>
  void ask(const task_ptr& job, Request what) {
    if (what.timeout != what.timeout.zero())
      if (auto left = time_left(job->progress.deadline, self->clock().now()); left < what.timeout)
        what.timeout = left > left.zero() ? left : pool::duration{-1}; // Zero would mean no limit.
    using atom = std::conditional_t<std::is_same_v<Request, statement>, execute_atom, transact_atom>;
    using answer = std::conditional_t<std::is_same_v<Request, statement>, result, results>;
    // No timeout of CAF's: the pool answers every request within its own.
    self->request(pool, caf::infinite, atom{}, std::move(what), job->user)
        .then([job](answer& x) { job->promise.deliver(std::move(x)); },
              [this, job](const caf::error& why) { guard(*this, [&] { failed(job, details(why)); }); });
  }

  void failed(const task_ptr& job, failure why) {
    if (is_abandoned(*job))
      return;
    auto random = std::uniform_real_distribution<>{0.0, 1.0}(rng);
    auto delay = pool::retry_delay(rules, job->progress, why, self->clock().now(), random);
    if (!delay || pool_ended) {
      give_up(*job, std::move(why));
      return;
    }
    auto more = retry_lines[why.code].add(self->clock().now());
    log().log(more ? spdlog::level::warn : spdlog::level::debug, "retry {} of {} in {} ms: {}{}",
              job->progress.attempts, job->progress.max_retries.value_or(rules.max_retries),
              std::chrono::duration_cast<std::chrono::milliseconds>(*delay).count(), to_string(why),
              and_more(more.value_or(1)));
    job->in_doubt |= why.outcome == outcome::unknown;
    measured.repeated(why.code);
    publish_retry(*job, *delay, why);
    job->last = std::move(why);
    paused[job] = self->run_delayed(*delay, [this, job] {
      paused.erase(job);
      ++job->progress.attempts;
      guard(*this, [&] { attempt(job); });
    });
  }

  /// What waits for its next attempt will not have one.
  void pool_has_ended() {
    for (auto& [job, timer] : paused) {
      timer.dispose();
      give_up(*job, std::move(job->last));
    }
    paused.clear();
    pool_ended = true;
    // Behind the pool's answers that have come meanwhile, which say more than that a promise was broken.
    self->send_exit(self, caf::exit_reason::user_shutdown);
  }

  void give_up(task& job, failure why) {
    why.attempts = job.progress.attempts;
    if (auto retries = job.progress.attempts - 1; retries > 0) {
      measured.exhausted();
      why.text = "failed after " + std::to_string(retries) + (retries == 1 ? " retry: " : " retries: ") + why.text;
      if (job.in_doubt)
        why = pool::after_doubt(std::move(why));
      auto more = failure_lines[why.code].add(self->clock().now());
      log().log(more ? spdlog::level::err : spdlog::level::debug, "{}{}", to_string(why), and_more(more.value_or(1)));
    }
    job.promise.deliver(make_error(std::move(why)));
  }

  /// The request that it happened to is answered by its promise.
  void defect(const char* what) { log().error("an exception in the retrier: {}; it goes on", what); }

  pointer self;
  pool_actor pool;
  bool pool_ended = false; ///< And so does this actor, in a moment.
  retry_settings rules;
  metrics::retry_metrics measured;
  std::minstd_rand rng;
  std::unordered_map<errc, log_pacer> retry_lines;   ///< By what the attempt has failed with.
  std::unordered_map<errc, log_pacer> failure_lines; ///< Of requests that were repeated and given up then.
  event_feed feed;
  std::unordered_map<task_ptr, caf::disposable> paused; ///< Between two attempts, with the timer of the next.
};

} // namespace

pool_actor spawn_retrier(caf::actor_system& sys, pool_actor pool, const retry_settings& rules) {
  using impl = pool_actor::stateful_impl<retrier_state>;
  return sys.spawn<impl>(std::move(pool), rules, std::random_device{}());
}

} // namespace cenote
