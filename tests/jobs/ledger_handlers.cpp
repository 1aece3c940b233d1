#include "ledger_handlers.hpp"

#include "cenote/error.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <utility>

namespace cenote::test {

namespace {

using namespace std::chrono_literals;

using handler_pointer = job_handler<transfer>::pointer;
using answer_promise = caf::typed_response_promise<job_answer>;

/// Beyond the time limit of a slow job: see `how_of` of the submitter.
constexpr auto too_long = 1200ms;

template <class T>
std::vector<statement> effects_of(const T& work, const job_context& context) {
  return {write("INSERT INTO ledger (number, attempt, source, target) VALUES (?, ?, ?, ?)", work.number,
                context.attempt, work.source, work.target),
          write("UPDATE account SET balance = balance - 1 WHERE id = ?", work.source),
          write("UPDATE account SET balance = balance + 1 WHERE id = ?", work.target)};
}

template <class T>
job_answer done(const T& work, const job_context& context) {
  auto answer = job_done();
  answer.effects = effects_of(work, context);
  return answer;
}

/// Stores effects and end in a session: one after the other, since each statement needs the answer to the one before.
class session_work : public std::enable_shared_from_this<session_work> {
public:
  session_work(handler_pointer actor, pool_actor target, answer_promise to)
      : self_{actor}, pool_{std::move(target)}, promise_{std::move(to)} {
    // nop
  }

  void start(std::vector<statement> statements, caf::timespan pause) {
    statements_ = std::move(statements);
    pause_ = pause;
    session_options how;
    how.owner = "ledger";
    self_->request(pool_, caf::infinite, checkout_atom_v, how)
        .then(
            [me = shared_from_this()](session_id session) {
              me->session_ = session;
              me->begin();
            },
            [me = shared_from_this()](caf::error& reason) { me->promise_.deliver(std::move(reason)); });
  }

private:
  void begin() {
    self_->request(pool_, caf::infinite, begin_atom_v, session_, transaction_options{})
        .then([me = shared_from_this()] { me->run(0); }, failed());
  }

  void run(size_t index) {
    if (index == statements_.size()) {
      self_->run_delayed(pause_, [me = shared_from_this()] { me->commit(); });
      return;
    }
    self_->request(pool_, caf::infinite, execute_atom_v, session_, statements_[index])
        .then([me = shared_from_this(), index](const result&) { me->run(index + 1); }, failed());
  }

  void commit() {
    self_->request(pool_, caf::infinite, commit_atom_v, session_)
        .then(
            [me = shared_from_this()] {
              me->promise_.deliver(job_stored());
              me->check_in();
            },
            [me = shared_from_this()](caf::error& reason) {
              // Whether it is stored is for the queue to find out.
              if (details(reason).outcome == outcome::unknown)
                me->promise_.deliver(job_stored());
              else
                me->promise_.deliver(std::move(reason));
              me->check_in();
            });
  }

  void check_in() {
    self_->request(pool_, caf::infinite, checkin_atom_v, session_).then([] {}, [](const caf::error&) {});
  }

  std::function<void(caf::error&)> failed() {
    return [me = shared_from_this()](caf::error& reason) {
      me->promise_.deliver(std::move(reason));
      me->check_in();
    };
  }

  handler_pointer self_;
  pool_actor pool_;
  answer_promise promise_;
  session_id session_{};
  std::vector<statement> statements_;
  caf::timespan pause_{0};
};

caf::result<job_answer> work_in_session(handler_pointer self, const pool_actor& pool, const transfer& work,
                                        const job_context& context, caf::timespan pause) {
  std::vector<statement> all{begin_job(context)};
  for (auto& effect : effects_of(work, context))
    all.push_back(effect);
  for (auto& statement : finish_job(context))
    all.push_back(statement);
  auto promise = self->make_response_promise<job_answer>();
  std::make_shared<session_work>(self, pool, promise)->start(std::move(all), pause);
  return promise;
}

/// Misbehaves as the job says, most ways only at the first attempt.
caf::result<job_answer> handle_transfer(handler_pointer self, const pool_actor& pool, const transfer& work,
                                        const job_context& context) {
  auto& how = work.how;
  auto is_first = context.attempt == 1;
  if (how == "poison")
    std::abort();
  if (how == "session")
    return work_in_session(self, pool, work, context, 0s);
  if (how == "slow-session")
    return work_in_session(self, pool, work, context, is_first ? caf::timespan{too_long} : 0s);
  if (how == "chain") {
    auto answer = done(work, context);
    // A scheduled one: the time comes from the server, though the id is made by this node's clock.
    auto next = make_job(transfer{work.number + chained, work.target, work.source}).after(300ms);
    answer.effects.push_back(enqueue(std::move(next).attempted_at_most(500).with_backoff({50ms, 500ms})));
    return answer;
  }
  if (!is_first)
    return done(work, context);
  if (how == "retry")
    return job_retry("as it was asked to", 30ms);
  if (how == "snooze")
    return job_snooze(50ms);
  if (how == "throw")
    throw std::runtime_error{"as it was asked to"};
  if (how == "refused") {
    auto answer = done(work, context);
    answer.effects.push_back(write("INSERT INTO ledger (number, attempt) VALUES (NULL, 1)"));
    return answer;
  }
  if (how == "slow") {
    auto promise = self->make_response_promise<job_answer>();
    self->run_delayed(too_long, [promise, late = done(work, context)]() mutable { promise.deliver(std::move(late)); });
    return promise;
  }
  return done(work, context);
}

job_handler<transfer>::behavior_type transfer_handler(handler_pointer self, const pool_actor& pool) {
  return {[self, pool](const transfer& work, const job_context& context) {
    return handle_transfer(self, pool, work, context);
  }};
}

job_handler<refund>::behavior_type refund_handler() {
  return {[](const refund& work, const job_context& context) { return done(work, context); }};
}

caf::actor start(caf::event_based_actor* self, const pool_actor& pool, const job_queue& queue,
                 const std::string& kind) {
  if (kind == "transfer") {
    auto handler = self->spawn<caf::linked>(transfer_handler, pool);
    queue.on<transfer>(handler);
    return caf::actor_cast<caf::actor>(handler);
  }
  auto handler = self->spawn<caf::linked>(refund_handler);
  queue.on<refund>(handler);
  return caf::actor_cast<caf::actor>(handler);
}

caf::behavior keep_handlers(caf::event_based_actor* self, const pool_actor& pool, const job_queue& queue,
                            const std::vector<std::string>& kinds) {
  auto kind_of = std::make_shared<std::vector<std::pair<caf::actor_addr, std::string>>>();
  for (auto& kind : kinds)
    kind_of->emplace_back(start(self, pool, queue, kind).address(), kind);
  self->set_exit_handler([self, pool, queue, kind_of](const caf::exit_msg& ended) {
    for (auto& [address, kind] : *kind_of)
      if (address == ended.source) {
        address = start(self, pool, queue, kind).address();
        return;
      }
    self->quit(ended.reason);
  });
  return {[](caf::unit_t) {
    // nop
  }};
}

} // namespace

caf::actor spawn_handlers(caf::actor_system& sys, const pool_actor& pool, const job_queue& queue,
                          const std::vector<std::string>& kinds) {
  return sys.spawn(keep_handlers, pool, queue, kinds);
}

} // namespace cenote::test
