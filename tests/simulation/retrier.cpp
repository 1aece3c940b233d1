#include "simulation/retrier.hpp"

#include <type_traits>
#include <utility>

namespace cenote::simulation {

namespace {

statement_kind repeatable_as(const statement& x) {
  return x.kind;
}

statement_kind repeatable_as(const transaction& x) {
  return kind_of(x) == statement_kind::read ? statement_kind::read : statement_kind::write;
}

} // namespace

expectation expectation_of(const world& all, std::string what, caller_id caller, duration timeout, stamp first) {
  expectation result;
  result.what = std::move(what);
  result.caller = caller;
  result.due = deadline_after(all.now(), timeout);
  if (first != stamp{})
    result.sent = first;
  result.begun_before = later(all.now(), all.how.rules.timeout);
  return result;
}

void retrier::start(request what, stamp mark, promise answer_to, caller_id caller) {
  auto job = std::make_shared<task>();
  std::visit(
      [&](auto& x) {
        job->progress.kind = repeatable_as(x);
        job->progress.max_retries = x.max_retries;
        job->progress.deadline = deadline_after(all_.now(), x.timeout);
      },
      what);
  job->what = std::move(what);
  job->mark = mark;
  job->answer_to = answer_to;
  job->caller = caller;
  attempt(job);
}

void retrier::attempt(const task_ptr& job) {
  if (all_.people.has_ended(job->caller))
    return;
  auto now = all_.now();
  if (time_left(job->progress.deadline, now) == duration::zero() && job->progress.attempts > 1) {
    --job->progress.attempts;
    give_up(*job, std::move(job->last));
    return;
  }
  std::visit(
      [&](auto what) {
        if (what.timeout != duration::zero())
          if (auto left = time_left(job->progress.deadline, now); left < what.timeout)
            what.timeout = left > left.zero() ? left : duration{-1};
        constexpr auto is_statement = std::is_same_v<decltype(what), statement>;
        auto told = expectation_of(all_, "attempt " + std::to_string(job->progress.attempts), job->caller, what.timeout,
                                   is_statement ? job->mark : stamp{});
        if (job->progress.attempts > 1)
          told.sent.reset(); // It was sent before.
        told.then = [this, job](const content& x) {
          if (auto why = std::get_if<failure>(&x))
            failed(job, *why);
          else
            answer(job->answer_to, x);
        };
        auto to = all_.books.expect(std::move(told));
        pool_.send(job->caller, [this, x = std::move(what), to, caller = job->caller]() mutable {
          pool_.accept(std::move(x), to, caller);
        });
      },
      job->what);
}

void retrier::failed(const task_ptr& job, failure why) {
  auto delay = pool::retry_delay(all_.how.retry, job->progress, why, all_.now(), random_.fraction());
  if (!delay) {
    give_up(*job, std::move(why));
    return;
  }
  job->in_doubt |= why.outcome == outcome::unknown;
  job->last = std::move(why);
  all_.marks[job->mark].retried = true;
  all_.time.after(*delay + random_.up_to(all_.how.mail_delay), [this, job] {
    ++job->progress.attempts;
    attempt(job);
  });
}

void retrier::give_up(task& job, failure why) {
  why.attempts = job.progress.attempts;
  if (job.progress.attempts > 1 && job.in_doubt)
    why = pool::after_doubt(std::move(why));
  answer(job.answer_to, std::move(why));
}

void retrier::answer(promise to, content what) {
  all_.time.after(random_.up_to(all_.how.mail_delay), [this, to, x = std::move(what)] { all_.books.keep(to, x); });
}

} // namespace cenote::simulation
