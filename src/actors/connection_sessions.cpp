#include "actors/connection_state.hpp"

#include "actors/classification.hpp"
#include "actors/liveness.hpp"
#include "actors/log.hpp"
#include "cenote/error.hpp"
#include "types/time.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace cenote {

namespace {

using time_point = caf::actor_clock::time_point;

/// Of a statement, this much is kept for the log, and to know what it may have done.
constexpr size_t max_kept_sql = 1024;

failure too_late(const std::string& why, outcome what, session_id id) {
  return own_failure(errc::session_ended, what,
                     "session " + std::to_string(static_cast<uint64_t>(id)) + " has ended: " + why
                         + "; check out another one");
}

failure expired(std::chrono::nanoseconds limit) {
  return own_failure(errc::statement_timeout, outcome::not_sent,
                     "its time limit of " + seconds(limit)
                         + " passed before what came earlier in its session was done");
}

} // namespace

void connection_state::start(lease& what) {
  stop_timer();
  if (has_ended(current.user)) { // During the check: the pool has said so before there was a session to end.
    promise.deliver(caller_has_ended(outcome::rejected));
    release(disposition::reusable);
    return;
  }
  doing = activity::leased;
  watch->want(true, false);
  in_use.emplace();
  in_use->terms = std::move(what);
  in_use->since = self->clock().now();
  needs_reset = false;
  auto& terms = in_use->terms;
  in_use->time_limit = run_at(deadline_after(in_use->since, terms.options.time_limit),
                              [this] { end_session("its time limit has passed"); });
  promise.deliver(terms.id);
  await_first_use();
}

// -- what its holder asks for ----------------------------------------------------

/// Why what is asked for a session comes too late; nothing if it does not. The pool learns of the end of a session only
/// when its connection is free again.
std::optional<failure> connection_state::refusal_of(session_id id) const {
  if (in_use && in_use->terms.id == id)
    return std::nullopt;
  if (last_session && last_session->id == id)
    return too_late(last_session->reason, last_session->outcome, id);
  return too_late("its time was up, or it was checked in", outcome::rejected, id);
}

void connection_state::add(session_command what) {
  auto answers = self->make_response_promise();
  if (auto why = refusal_of(what.session)) {
    answers.deliver(make_error(std::move(*why)));
    return;
  }
  auto deadline = deadline_after(self->clock().now(), what.text.timeout);
  in_use->first_use.dispose();
  in_use->waiting.push_back({job{std::move(what), std::move(answers)}, deadline});
  if (doing == activity::leased)
    next_command();
  else
    watch_waiting(deadline);
}

/// One who checks in has what it asked for before done; one that has ended wants nothing any more.
void connection_state::check_in(session_id id) {
  if (!in_use || in_use->terms.id != id)
    return;
  if (has_ended(current.user)) {
    end_session("its holder has ended");
    return;
  }
  in_use->ending = true;
  if (doing == activity::leased)
    next_command();
}

caf::result<void> connection_state::hand_over(session_id id, caf::strong_actor_ptr to) {
  if (auto why = refusal_of(id))
    return make_error(std::move(*why));
  current.user = std::move(to);
  await_first_use();
  return caf::unit;
}

caf::result<void> connection_state::evict(session_id id) {
  if (auto why = refusal_of(id))
    return make_error(std::move(*why));
  in_use->first_use.dispose();
  evicted = true;
  return caf::unit;
}

/// The answer that names the session may have reached nobody who waits for it.
void connection_state::await_first_use() {
  in_use->first_use.dispose();
  auto limit = in_use->terms.unclaimed_timeout;
  if (limit <= limit.zero())
    return;
  in_use->first_use = run_at(later(self->clock().now(), limit), [this, limit] {
    log().warn("{} has not used its session {} once within {}: it is ended. Its answer may have come too late: let the "
               "request wait for longer than session_options::acquire_timeout, or use the session sooner",
               in_use->terms.options.owner.empty() ? "an actor without a name" : in_use->terms.options.owner,
               static_cast<uint64_t>(in_use->terms.id), seconds(limit));
    end_session("its holder has not used it within " + seconds(limit));
  });
}

/// Carries out what is to be sent, and answers what is not; a loop, because any number of those may wait.
void connection_state::next_command() {
  while (!in_use->waiting.empty()) {
    auto next = std::move(in_use->waiting.front());
    in_use->waiting.pop_front();
    if (next.deadline <= self->clock().now()) {
      next.job.answer(expired(next.job.limit()));
    } else if (auto why =
                   in_use->transaction.refusal(next.job.what(), next.job.current().text.sql, db->in_transaction())) {
      next.job.answer(std::move(*why));
    } else {
      carry_out(std::move(next));
      return;
    }
  }
  if (in_use->ending)
    end_session("it was checked in", outcome::rejected); // Its holder wanted that.
}

void connection_state::carry_out(waiting_command next) {
  auto& sql = next.job.current().text.sql;
  note_traces(sql);
  needs_reset = true;
  in_use->last_statement = sql.substr(0, max_kept_sql);
  in_use->was_open = db->has_open_transaction();
  current.attempts = 1;
  current.waited = current.waited.zero();
  if (in_use->transaction.needs_mark(next.job.what(), sql))
    next.job.guard();
  if (next.job.what() == pool::session_step::begin && in_use->transaction.needs_rollback_first())
    next.job.roll_back_first();
  at_hand.emplace(std::move(next.job));
  limit_until(next.deadline);
  run_step();
}

void connection_state::watch_waiting(time_point deadline) {
  if (deadline >= in_use->waiting_timer_at)
    return;
  in_use->waiting_timer.dispose();
  in_use->waiting_timer_at = deadline;
  in_use->waiting_timer = run_at(deadline, [this] {
    if (in_use)
      expire_waiting();
  });
}

/// Answers those of the waiting whose time is up, and sets the timer for the others.
void connection_state::expire_waiting() {
  auto now = self->clock().now();
  auto next = time_point::max();
  for (auto& x : in_use->waiting) {
    if (x.deadline <= now)
      x.job.answer(expired(x.job.limit()));
    else
      next = std::min(next, x.deadline);
  }
  std::erase_if(in_use->waiting, [now](auto& x) { return x.deadline <= now; });
  in_use->waiting_timer_at = time_point::max();
  // Many may wait, each with a deadline of its own: they are not looked through for every one of them.
  if (next != time_point::max())
    watch_waiting(std::max(next, later(now, std::chrono::milliseconds{1})));
}

// -- what has become of the transaction ------------------------------------------

/// All steps of what the holder has asked for are done, and the server has said what has become of the transaction.
/// @param open whether it is still open, and the same.
void connection_state::conclude(bool open) {
  stop_timer();
  auto& transaction = in_use->transaction;
  auto& sql = in_use->last_statement;
  if (at_hand->failed())
    at_hand->answer(transaction.failed(at_hand->what(), sql, in_use->was_open, open, *at_hand->failed()));
  else if (auto why = transaction.succeeded(at_hand->what(), sql, open))
    answer(std::move(*why));
  else
    at_hand->answer();
  job_done();
}

/// What ran was stopped after its time limit, its holder was told, and the connection is in order again.
void connection_state::conclude_stopped() {
  auto why = own_failure(errc::statement_timeout, outcome::unknown, "a statement was stopped after its time limit");
  auto kind = at_hand->current().kind;
  if (kind == step_kind::aftermath && at_hand->is_guarded()) { // No answer came in time.
    conclude(false);
  } else if (at_hand->is_guarded() && kind != step_kind::mark) {
    limit_until(later(self->clock().now(), context.server->connect_timeout));
    at_hand->look_and_fail(std::move(why));
    run_step();
  } else {
    at_hand->fail(std::move(why));
    conclude(db->has_open_transaction());
  }
}

// -- its end -----------------------------------------------------------------------

/// What the end of the session means for what its holder could not send any more.
outcome connection_state::if_session_ends() const {
  // What is just being committed may be there.
  if (at_hand && (at_hand->may_be_committing() || at_hand->what() == pool::session_step::commit))
    return outcome::rejected;
  return in_use->transaction.if_session_ends(db->has_open_transaction());
}

void connection_state::end_session(const std::string& why) {
  if (in_use)
    end_session(why, if_session_ends());
}

void connection_state::end_session(const std::string& why, outcome what) {
  auto session = std::move(*in_use);
  in_use.reset();
  session.stop_timers();
  last_owner = session.terms.options.owner;
  auto id = session.terms.id;
  for (auto& x : session.waiting)
    x.job.answer(too_late(why, what, id));
  last_session = unreported_end = session_end{id, why, what};
  if (doing == activity::leased) {
    settle();
  } else if (doing == activity::running) {
    // An open transaction will be rolled back, unless it is just being committed.
    cut(too_late(why, outcome::unknown, id));
    stop_on_server();
  }
  // Otherwise it is being stopped already, and settles when that is over.
}

} // namespace cenote
