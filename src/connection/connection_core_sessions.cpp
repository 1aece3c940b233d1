// The sessions of a connection's users, and what becomes of their transactions.

#include "connection/connection_core.hpp"
#include "connection/seconds.hpp"
#include "pool/sql_rules.hpp"
#include "types/time.hpp"

#include <cassert>
#include <optional>
#include <utility>

namespace cenote {

namespace {

/// Of a statement, this much is kept for the log, and to know what it may have done.
constexpr size_t max_kept_sql = 1024;

failure expired(std::chrono::nanoseconds limit) {
  return own_failure(errc::statement_timeout, outcome::not_sent,
                     "its time limit of " + seconds(limit)
                         + " passed before what came earlier in its session was done");
}

failure too_many(size_t limit) {
  return own_failure(errc::queue_full, outcome::unavailable,
                     std::to_string(limit)
                         + " requests of the same session wait already: wait for their answers, or "
                           "raise pool.max-waiting");
}

} // namespace

void connection_core::start_session(activity::held_grant x) {
  state_ = activity::leased{};
  want(true, false);
  needs_reset_ = false;
  session_.emplace(std::move(std::get<lease>(x.what.request.work)), now_);
  session_->await_first_use(now_);
  output_.add(connection_command::answer{x.answer_to, session_->id()});
}

// -- what its holder asks for ----------------------------------------------------

/// Why what is asked for a session comes too late; nothing if it does not. The pool learns of the end of a session only
/// when its connection is free again.
std::optional<failure> connection_core::refusal_of(session_id id) const {
  if (session_ && session_->id() == id)
    return std::nullopt;
  if (last_session_ && last_session_->id == id)
    return session_has_ended(id, last_session_->outcome, last_session_->reason);
  return session_has_ended(id, outcome::rejected, "its time was up, or it was checked in");
}

void connection_core::execute(session_command what, ticket answer_to, time_point now) {
  at(now);
  auto why = refusal_of(what.session);
  if (!why && session_->is_full())
    why = too_many(session_->max_waiting());
  if (why) {
    output_.add(connection_command::answer{answer_to, std::move(*why)});
    return;
  }
  auto deadline = deadline_after(now_, what.text.timeout);
  session_->add({job{std::move(what), answer_to}, deadline});
  if (is<activity::leased>())
    next_command();
}

/// One who checks in has what it asked for before done; one that has ended wants nothing any more.
void connection_core::check_in(session_id id, bool at_once, time_point now) {
  at(now);
  if (!session_ || session_->id() != id)
    return;
  if (at_once) {
    end_session("its holder has ended");
    return;
  }
  session_->end_when_done();
  if (is<activity::leased>())
    next_command();
}

std::optional<failure> connection_core::hand_over(session_id id, time_point now) {
  at(now);
  auto why = refusal_of(id);
  if (!why)
    session_->await_first_use(now_);
  return why;
}

std::optional<failure> connection_core::evict(session_id id, time_point now) {
  at(now);
  auto why = refusal_of(id);
  if (!why) {
    session_->note_use();
    evicted_ = true;
  }
  return why;
}

/// Carries out what is to be sent, and answers what is not; a loop, because any number of those may wait.
void connection_core::next_command() {
  while (auto next = session_->next()) {
    auto& work = next->work;
    if (next->deadline <= now_) {
      answer(work, std::nullopt, expired(work.limit()));
    } else if (auto why =
                   session_->transaction.refusal(work.step(), work.current().text.sql, link_->has_open_transaction())) {
      answer(work, std::nullopt, std::move(*why));
    } else {
      carry_out(std::move(*next));
      return;
    }
  }
  if (session_->ends_now())
    end_session("it was checked in", outcome::rejected); // Its holder wanted that.
}

void connection_core::carry_out(waiting_command next) {
  auto& sql = next.work.current().text.sql;
  note_session_changes(sql);
  needs_reset_ = true;
  session_->last_statement = sql.substr(0, max_kept_sql);
  session_->was_open = link_->has_open_transaction();
  if (session_->transaction.needs_mark(next.work.step(), sql))
    next.work.guard();
  if (next.work.step() == pool::session_step::begin && session_->transaction.needs_rollback_first())
    next.work.roll_back_first();
  limit_until(next.deadline);
  run(std::move(next.work), std::nullopt);
}

/// Answers those of the waiting whose time is up.
void connection_core::expire_commands() {
  for (auto& x : session_->take_expired(now_))
    answer(x, std::nullopt, expired(x.limit()));
}

// -- what has become of the transaction ------------------------------------------

/// All steps of what the holder has asked for are done, and the server has said what has become of the transaction.
/// @param open whether it is still open, and the same.
void connection_core::conclude(bool open) {
  auto& work = std::get<activity::running>(state_).work;
  auto& transaction = session_->transaction;
  auto& sql = session_->last_statement;
  if (work.failed()) {
    lose_or_keep_transaction(work, open);
    answer(work);
  } else if (auto why = transaction.succeeded(work.step(), sql, open)) {
    answer(work, std::nullopt, std::move(*why));
  } else {
    answer(work);
  }
  job_done();
}

/// What ran was stopped after its time limit, its holder was told, and the connection is in order again.
/// @param succeeded the step was done sooner than it could be stopped: the server has told of the transaction with it.
void connection_core::conclude_stopped(job work, bool succeeded) {
  auto kind = work.current().kind;
  auto completes = kind == step_kind::aftermath || kind == step_kind::question;
  auto told = succeeded && (!work.is_guarded() || kind == step_kind::check);
  state_ = activity::running{std::move(work), std::nullopt};
  auto& stopped = std::get<activity::running>(state_).work;
  if (completes && stopped.is_guarded() && !succeeded) { // No answer came in time.
    conclude(false);
    return;
  }
  if (completes && !succeeded) { // Whether its transaction is open cannot be told: ending the connection makes it sure.
    release(disposition::broken, "a session's transaction could not be looked at in time");
    return;
  }
  auto why = stopped.failed() ? *stopped.failed()
                              : own_failure(errc::statement_timeout, outcome::unknown,
                                            "a statement was stopped after its time limit");
  if (told || completes) {
    stopped.fail(std::move(why));
    conclude(link_->has_open_transaction());
    return;
  }
  // Neither an error nor a ping tells whether a transaction is open; any success does.
  limit_until(later(now_, patience_));
  stopped.look_and_fail(std::move(why));
  run_step();
}

/// What the failure of the work means for the transaction.
/// @param open whether it is still open, and the same.
void connection_core::lose_or_keep_transaction(job& work, bool open) {
  if (work.conclude_once())
    work.fail(
        session_->transaction.failed(work.step(), session_->last_statement, session_->was_open, open, *work.failed()));
}

/// If a step of the session has failed, what the server would have told next will not come: of what the failed one may
/// have done the worst is assumed.
void connection_core::lose_failed_step() {
  if (auto work = work_of_session(); work != nullptr && work->failed())
    lose_or_keep_transaction(*work, false);
}

/// What is, or was, carried out for the holder; null if nothing.
job* connection_core::work_of_session() {
  if (auto alone = as<activity::running>())
    return &alone->work;
  if (auto stop = as<activity::stopping>(); stop != nullptr && stop->work)
    return &*stop->work;
  if (auto ping = as<activity::pinging>(); ping != nullptr && ping->work)
    return &*ping->work;
  return nullptr;
}

// -- its end -----------------------------------------------------------------------

/// What the end of the session means for what its holder could not send any more.
outcome connection_core::if_session_ends() {
  // What is just being committed may be there.
  if (auto work = work_of_session();
      work != nullptr && (work->step() == pool::session_step::commit || (!work->failed() && work->may_be_committing())))
    return outcome::rejected;
  return session_->transaction.if_session_ends(link_->has_open_transaction());
}

void connection_core::end_session(const std::string& why) {
  lose_failed_step();
  end_session(why, if_session_ends());
}

void connection_core::end_session(const std::string& why, cenote::outcome outcome) {
  auto session = std::move(*session_);
  session_.reset();
  last_owner_ = session.owner();
  auto id = session.id();
  for (auto& x : session.take_all())
    answer(x, std::nullopt, session_has_ended(id, outcome, why));
  last_session_ = output_.unreported_end = session_end{id, why, outcome};
  if (is<activity::leased>()) {
    reset_or_release();
  } else if (is<activity::running>()) {
    // An open transaction will be rolled back, unless it is just being committed.
    answer_running(session_has_ended(id, outcome::unknown, why));
    stop_on_server(std::nullopt);
  }
  // Otherwise it is being stopped already, and settles when that is over.
}

} // namespace cenote
