#include "simulation/retrier.hpp"

#include <type_traits>
#include <utility>

namespace cenote::simulation {

namespace {

statement_kind repeatable_as(const statement& request) {
  return request.kind;
}

statement_kind repeatable_as(const transaction& request) {
  return kind_of(request) == statement_kind::read ? statement_kind::read : statement_kind::write;
}

} // namespace

expectation expectation_of(const world& world, std::string description, caller_id caller, duration timeout,
                           stamp first) {
  expectation expected;
  expected.description = std::move(description);
  expected.caller = caller;
  expected.due = deadline_after(world.now(), timeout);
  if (first != stamp{})
    expected.sent = first;
  expected.begun_before = later(world.now(), world.run_plan.rules.timeout);
  return expected;
}

void retrier::start(request work, stamp mark, promise answer_to, caller_id caller) {
  auto job = std::make_shared<task>();
  std::visit(
      [&](auto& item) {
        job->progress.kind = repeatable_as(item);
        job->progress.max_retries = item.max_retries;
        job->progress.deadline = deadline_after(world_.now(), item.timeout);
      },
      work);
  job->work = std::move(work);
  job->mark = mark;
  job->answer_to = answer_to;
  job->caller = caller;
  attempt(job);
}

void retrier::attempt(const task_ptr& job) {
  if (world_.people.has_ended(job->caller))
    return;
  auto now = world_.now();
  if (time_left(job->progress.deadline, now) == duration::zero() && job->progress.attempts > 1) {
    --job->progress.attempts;
    give_up(*job, std::move(job->last));
    return;
  }
  std::visit(
      [&](auto item) {
        if (item.timeout != duration::zero())
          if (auto left = time_left(job->progress.deadline, now); left < item.timeout)
            item.timeout = left > left.zero() ? left : duration{-1};
        constexpr auto is_statement = std::is_same_v<decltype(item), statement>;
        auto expected = expectation_of(world_, "attempt " + std::to_string(job->progress.attempts), job->caller,
                                       item.timeout, is_statement ? job->mark : stamp{});
        if (job->progress.attempts > 1)
          expected.sent.reset(); // It was sent before.
        expected.then = [this, job](const content& reply) {
          if (auto reason = std::get_if<failure>(&reply))
            failed(job, *reason);
          else
            answer(job->answer_to, reply);
        };
        auto answer_to = world_.books.expect(std::move(expected));
        pool_.send(job->caller, [this, item = std::move(item), answer_to, caller = job->caller]() mutable {
          pool_.accept(std::move(item), answer_to, caller);
        });
      },
      job->work);
}

void retrier::failed(const task_ptr& job, failure reason) {
  auto delay = pool::retry_delay(world_.run_plan.retry, job->progress, reason, world_.now(), random_.fraction());
  if (!delay) {
    give_up(*job, std::move(reason));
    return;
  }
  job->in_doubt |= reason.outcome == outcome::unknown;
  job->last = std::move(reason);
  world_.marks[job->mark].retried = true;
  world_.time.after(*delay + random_.up_to(world_.run_plan.mail_delay), [this, job] {
    ++job->progress.attempts;
    attempt(job);
  });
}

void retrier::give_up(task& job, failure reason) {
  reason.attempts = job.progress.attempts;
  if (job.progress.attempts > 1 && job.in_doubt)
    reason = pool::after_doubt(std::move(reason));
  answer(job.answer_to, std::move(reason));
}

void retrier::answer(promise answer_to, content reply) {
  world_.time.after(random_.up_to(world_.run_plan.mail_delay),
                    [this, answer_to, reply = std::move(reply)] { world_.books.keep(answer_to, reply); });
}

} // namespace cenote::simulation
