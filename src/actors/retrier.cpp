#include "actors/event_feed.hpp"
#include "actors/messages.hpp"
#include "cenote/pool.hpp"
#include "connection/classification.hpp"
#include "log/log.hpp"
#include "log/log_pacer.hpp"
#include "metrics/retry_metrics.hpp"
#include "pool/retry_rules.hpp"
#include "runtime/guarded_behavior.hpp"
#include "runtime/liveness.hpp"
#include "runtime/resident.hpp"

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

/// A request that is being served, through all its attempts.
struct task {
  std::variant<statement, transaction> request;
  caf::strong_actor_ptr user; ///< The request is useless after its end.
  caf::response_promise promise;
  pool::failed_attempt progress;
  failure last;          ///< Why the last attempt failed.
  bool in_doubt = false; ///< An earlier attempt may have run.
};

using task_ptr = std::shared_ptr<task>;

using results = std::vector<result>;

statement_kind repeatable_as(const statement& query) {
  return query.kind;
}

/// A transaction whose COMMIT is in doubt is never repeated, whatever its statements; all other doubts are removed,
/// because the server rolls it back.
statement_kind repeatable_as(const transaction& request) {
  return kind_of(request) == statement_kind::read ? statement_kind::read : statement_kind::write;
}

struct retrier_state {
  using pointer = notifying_pool_actor::stateful_pointer<retrier_state>;

  static inline const char* name = "cenote.retrier";

  retrier_state(pointer this_actor, pool_actor decorated, const retry_settings& settings, uint64_t seed)
      : self{this_actor},
        pool{std::move(decorated)},
        rules{settings},
        measured{this_actor->system().metrics()},
        rng{static_cast<std::minstd_rand::result_type>(seed)},
        feed{{}, [this](auto& subscriber, auto id, pool_events events) {
               send_events(subscriber, id, std::move(events));
             }} {
    // nop
  }

  notifying_pool_actor::behavior_type make_behavior() {
    self->monitor(pool);
    self->set_default_handler(caf::drop); // As the pool does.
    self->set_down_handler([this](const caf::down_msg& message) {
      if (!has_ended(message.source))
        return;
      guard(*this, [&] {
        if (message.source == pool.address())
          pool_has_ended();
        else
          feed.remove(message.source);
      });
    });
    return guarded(this, handlers());
  }

  notifying_pool_actor::behavior_type handlers() {
    return {
        [this](execute_atom, statement& query) -> caf::result<result> {
          start(std::move(query), self->current_sender());
          return caf::delegated<result>{};
        },
        [this](execute_atom, statement& query, caf::strong_actor_ptr& user) -> caf::result<result> {
          start(std::move(query), std::move(user));
          return caf::delegated<result>{};
        },
        [this](transact_atom, transaction& request) -> caf::result<results> {
          start(std::move(request), self->current_sender());
          return caf::delegated<results>{};
        },
        [this](transact_atom, transaction& request, caf::strong_actor_ptr& user) -> caf::result<results> {
          start(std::move(request), std::move(user));
          return caf::delegated<results>{};
        },
        // Only its holder knows which requests of a session to repeat.
        [this](checkout_atom a, session_options& options) { return self->delegate(pool, a, std::move(options)); },
        [this](checkout_atom a, session_options& options, caf::strong_actor_ptr& holder) {
          return self->delegate(pool, a, std::move(options), std::move(holder));
        },
        [this](checkin_atom a, session_id id) { return self->delegate(pool, a, id); },
        [this](execute_atom a, session_id id, statement& query) {
          return self->delegate(pool, a, id, std::move(query));
        },
        [this](begin_atom a, session_id id, const transaction_options& options) {
          return self->delegate(pool, a, id, options);
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
        [this](reconfigure_atom, settings_update& update) { return reconfigure(std::move(update)); },
        [this](dispose_atom) { return self->delegate(pool, dispose_atom_v); },
        [this](pause_atom) { return self->delegate(pool, pause_atom_v); },
        [this](resume_atom) { return self->delegate(pool, resume_atom_v); },
        [this](subscribe_atom) { return subscribe(self->current_sender()); },
        [this](unsubscribe_atom) { return unsubscribe(self->current_sender()); },
        [this](subscribe_atom, const caf::strong_actor_ptr& subscriber) { return subscribe(subscriber); },
        [this](unsubscribe_atom, const caf::strong_actor_ptr& subscriber) { return unsubscribe(subscriber); },
        [this](drain_atom, caf::timespan limit) { return self->delegate(pool, drain_atom_v, limit); },
        [this](listen_atom a, caf::strong_actor_ptr& listener) {
          return self->delegate(caf::actor_cast<notifying_pool_actor>(pool), a, std::move(listener));
        },
        [this](notify_atom a, std::string& channel, caf::strong_actor_ptr& from) {
          return self->delegate(caf::actor_cast<notifying_pool_actor>(pool), a, std::move(channel), std::move(from));
        },
    };
  }

  caf::result<effective_settings> settings_in_force() {
    auto promise = self->make_response_promise<effective_settings>();
    // No timeout of CAF's: the pool answers at once.
    self->request(pool, caf::infinite, settings_atom_v)
        .then(
            [this, promise](effective_settings& effective) mutable {
              effective.retry = rules;
              promise.deliver(std::move(effective));
            },
            [promise](caf::error& error) mutable { promise.deliver(std::move(error)); });
    return promise;
  }

  /// The pool checks all of them, including those of retries.
  caf::result<void> reconfigure(settings_update update) {
    auto promise = self->make_response_promise<void>();
    self->request(pool, caf::infinite, reconfigure_atom_v, update)
        .then(
            [this, promise, update]() mutable {
              rules = update.content().retry;
              promise.deliver();
            },
            [promise](caf::error& error) mutable { promise.deliver(std::move(error)); });
    return promise;
  }

  /// Adds events of its own to those of the pool.
  caf::result<void> subscribe(const caf::strong_actor_ptr& subscriber) {
    auto promise = self->make_response_promise<void>();
    self->request(pool, caf::infinite, subscribe_atom_v, subscriber)
        .then(
            [this, promise, subscriber]() mutable {
              guard(*this, [&] {
                if (subscriber && feed.add(subscriber) == event_feed::subscription::added)
                  self->monitor(subscriber);
              });
              promise.deliver();
            },
            [promise](caf::error& error) mutable { promise.deliver(std::move(error)); });
    return promise;
  }

  caf::delegated<void> unsubscribe(const caf::strong_actor_ptr& subscriber) {
    forget_subscriber(caf::actor_cast<caf::actor_addr>(subscriber));
    return self->delegate(pool, unsubscribe_atom_v, subscriber);
  }

  void forget_subscriber(const caf::actor_addr& subscriber) {
    if (feed.remove(subscriber))
      self->demonitor(subscriber);
  }

  void send_events(const caf::strong_actor_ptr& subscriber, event_feed::subscription_id id, pool_events events) {
    auto address = caf::actor_cast<caf::actor_addr>(subscriber);
    self->request(caf::actor_cast<caf::actor>(subscriber), caf::infinite, std::move(events))
        .then([this, id] { guard(*this, [&] { feed.acknowledged(id); }); },
              [this, id, address](const caf::error&) {
                guard(*this, [&] {
                  if (feed.is_current(id))
                    forget_subscriber(address);
                });
              });
  }

  void publish_retry(const task& job, pool::duration delay, const failure& error) {
    if (!feed.has_subscribers())
      return;
    pool_event event;
    event.kind = event_kind::retried;
    event.attempts = job.progress.attempts;
    event.elapsed = delay;
    event.detail = to_string(error);
    feed.publish(std::move(event));
  }

  template <class Request>
  void start(Request request, caf::strong_actor_ptr user) {
    auto job = std::make_shared<task>();
    job->user = std::move(user);
    job->promise = self->make_response_promise();
    job->progress.kind = repeatable_as(request);
    job->progress.max_retries = request.max_retries;
    job->progress.deadline = deadline_after(self->clock().now(), request.timeout);
    job->request = std::move(request);
    attempt(job);
  }

  /// Whether the task is over because its caller has ended.
  static bool is_abandoned(task& job) {
    if (!has_ended(job.user))
      return false;
    job.promise.deliver(make_error(caller_has_ended(outcome::rejected)));
    return true;
  }

  void attempt(const task_ptr& job) {
    if (is_abandoned(*job))
      return;
    if (pool_ended) { // As CAF would answer, but only after the end of this actor.
      job->promise.deliver(caf::make_error(caf::sec::request_receiver_down));
      return;
    }
    auto is_late = time_left(job->progress.deadline, self->clock().now()) == pool::duration::zero();
    if (is_late && job->progress.attempts > 1) { // The timer was late. A first attempt is refused by the pool.
      --job->progress.attempts;
      give_up(*job, std::move(job->last));
      return;
    }
    std::visit([this, &job](auto& request) { ask(job, request); }, job->request);
  }

  /// @param request a copy: the job keeps its own for the next attempt.
  template <class Request>
  void ask(const task_ptr& job, Request request) {
    if (request.timeout != request.timeout.zero())
      if (auto left = time_left(job->progress.deadline, self->clock().now()); left < request.timeout)
        request.timeout = left > left.zero() ? left : pool::duration{-1}; // Zero would mean no limit.
    using atom = std::conditional_t<std::is_same_v<Request, statement>, execute_atom, transact_atom>;
    using answer = std::conditional_t<std::is_same_v<Request, statement>, result, results>;
    // No timeout of CAF's: the pool answers every request within its own.
    self->request(pool, caf::infinite, atom{}, std::move(request), job->user)
        .then([job](answer& result) { job->promise.deliver(std::move(result)); },
              [this, job](const caf::error& error) { guard(*this, [&] { failed(job, details(error)); }); });
  }

  void failed(const task_ptr& job, failure error) {
    if (is_abandoned(*job))
      return;
    auto random = std::uniform_real_distribution<>{0.0, 1.0}(rng);
    auto delay = pool::retry_delay(rules, job->progress, error, self->clock().now(), random);
    if (!delay || pool_ended) {
      give_up(*job, std::move(error));
      return;
    }
    auto more = retry_lines[error.code].add(self->clock().now());
    log({to_string(error.code)})
        .log(more ? spdlog::level::warn : spdlog::level::debug, "retry {} of {} in {} ms: {}{}", job->progress.attempts,
             job->progress.max_retries.value_or(rules.max_retries),
             std::chrono::duration_cast<std::chrono::milliseconds>(*delay).count(), to_string(error),
             and_more(more.value_or(1)));
    job->in_doubt |= error.outcome == outcome::unknown;
    measured.repeated(error.code);
    publish_retry(*job, *delay, error);
    job->last = std::move(error);
    paused[job] = self->run_delayed(*delay, [this, job] {
      paused.erase(job);
      ++job->progress.attempts;
      guard(*this, [&] { attempt(job); });
    });
  }

  /// Requests that wait for their next attempt are given up.
  void pool_has_ended() {
    for (auto& [job, timer] : paused) {
      timer.dispose();
      give_up(*job, std::move(job->last));
    }
    paused.clear();
    pool_ended = true;
    // After the answers of the pool that have arrived meanwhile, which say more than that a promise was broken.
    self->send_exit(self, caf::exit_reason::user_shutdown);
  }

  void give_up(task& job, failure error) {
    error.attempts = job.progress.attempts;
    if (auto retries = job.progress.attempts - 1; retries > 0) {
      measured.exhausted();
      error.text = "failed after " + std::to_string(retries) + (retries == 1 ? " retry: " : " retries: ") + error.text;
      if (job.in_doubt)
        error = pool::after_doubt(std::move(error));
      auto more = failure_lines[error.code].add(self->clock().now());
      log({to_string(error.code)})
          .log(more ? spdlog::level::err : spdlog::level::debug, "{}{}", to_string(error), and_more(more.value_or(1)));
    }
    job.promise.deliver(make_error(std::move(error)));
  }

  /// The request that caused it is answered by its promise.
  void defect(const char* problem) { log().error("an exception in the retrier: {}; it continues", problem); }

  pointer self;
  pool_actor pool;
  bool pool_ended = false; ///< And this actor is about to end.
  retry_settings rules;
  metrics::retry_metrics measured;
  std::minstd_rand rng;
  std::unordered_map<errc, log_pacer> retry_lines;   ///< By the code of the attempt's error.
  std::unordered_map<errc, log_pacer> failure_lines; ///< Of requests that were given up after repetitions.
  event_feed feed;
  std::unordered_map<task_ptr, caf::disposable> paused; ///< Between two attempts, with the timer of the next.
};

} // namespace

pool_actor spawn_retrier(caf::actor_system& sys, pool_actor pool, const retry_settings& rules) {
  using impl = notifying_pool_actor::stateful_impl<retrier_state>;
  auto seed = std::random_device{}();
  // On another thread each statement would change threads twice more.
  if (auto home = io_thread_of(sys, caf::actor_cast<caf::strong_actor_ptr>(pool)))
    return spawn_resident<impl>(sys, std::move(home), std::move(pool), rules, seed);
  return sys.spawn<impl>(std::move(pool), rules, seed);
}

} // namespace cenote
