// The sessions of a connection's users, and the end of their transactions.

#include "connection/connection_core.hpp"
#include "types/time.hpp"

#include <optional>
#include <utility>

namespace cenote {

void connection_core::start_session(held_grant held) {
  state_ = activity::leased{};
  want(true, false);
  reuse_.begin();
  session_.emplace(std::move(std::get<lease>(held.content.request.work)), now_);
  session_->await_first_use(now_);
  output_.add(connection_command::answer{held.answer_to, session_->id()});
}

// -- requests of its holder ------------------------------------------------------

/// Why a request comes too late for a session; nothing if it does not. The pool learns of the end of a session only
/// when its connection is free again.
std::optional<failure> connection_core::refusal_of(session_id id) const {
  if (session_ && session_->id() == id)
    return std::nullopt;
  if (last_session_ && last_session_->id == id)
    return session_has_ended(id, last_session_->outcome, last_session_->reason);
  return session_has_ended(id, outcome::rejected, "its time was up, or it was checked in");
}

void connection_core::execute(session_command command, ticket answer_to, time_point now) {
  at(now);
  if (auto refused = refusal_of(command.session)) {
    output_.add(connection_command::answer{answer_to, std::move(*refused)});
    return;
  }
  session_->add(std::move(command), answer_to, now_, output_);
  if (is<activity::leased>())
    next_command();
}

/// After a checkin the holder's earlier requests are still carried out; those of a holder that has ended are dropped.
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

std::optional<failure> connection_core::kill(session_id id, time_point now) {
  at(now);
  auto refused = refusal_of(id);
  if (!refused)
    end_session("an operator has ended it");
  return refused;
}

std::optional<failure> connection_core::hand_over(session_id id, time_point now) {
  at(now);
  auto refused = refusal_of(id);
  if (!refused)
    session_->await_first_use(now_);
  return refused;
}

std::optional<failure> connection_core::evict(session_id id, time_point now) {
  at(now);
  auto refused = refusal_of(id);
  if (!refused) {
    session_->note_use();
    reuse_.evict();
  }
  return refused;
}

void connection_core::next_command() {
  if (auto next = session_->next_to_send(link_->has_open_transaction(), now_, output_)) {
    reuse_.note_statement(next->work.current().text.sql);
    reuse_.require_reset();
    limit_until(next->deadline);
    run(std::move(next->work), std::nullopt);
  } else if (session_->ends_now()) {
    end_session("it was checked in", outcome::rejected); // By its holder.
  }
}

// -- the state of its transaction ------------------------------------------------

/// All steps of the holder's request are done, and the server has reported the state of the transaction.
/// @param open whether the same transaction is still open.
void connection_core::conclude(bool open) {
  session_->conclude(std::get<activity::running>(state_).work.content(), open, output_);
  job_done();
}

/// The running step was stopped after its time limit, its holder has been answered, and the connection is healthy
/// again.
/// @param succeeded the step was done before it could be stopped: its answer has reported the state of the transaction.
void connection_core::conclude_stopped(client_request work, bool succeeded) {
  auto kind = work.current().kind;
  auto completes = kind == step_kind::aftermath || kind == step_kind::question;
  auto reported = succeeded && (!work.is_guarded() || kind == step_kind::check);
  state_ = activity::running{{std::move(work), std::nullopt}};
  auto& stopped = std::get<activity::running>(state_).work.content();
  if (completes && stopped.is_guarded() && !succeeded) { // No answer came in time.
    conclude(false);
    return;
  }
  if (completes && !succeeded) { // It is unknown whether its transaction is open: ending the connection settles that.
    release(disposition::broken, "the state of a session's transaction could not be determined in time");
    return;
  }
  auto reason = stopped.failed() ? *stopped.failed()
                                 : own_failure(errc::statement_timeout, outcome::unknown,
                                               "a statement was stopped after its time limit");
  if (reported || completes) {
    stopped.fail(std::move(reason));
    conclude(link_->has_open_transaction());
    return;
  }
  // Neither an error nor a ping reports whether a transaction is open; any success does.
  limit_until(later(now_, patience_));
  stopped.look_and_fail(std::move(reason));
  run_step();
}

/// If a step of the session has failed, the server's next report will not come: the worst is assumed about the effects
/// of the failed step.
void connection_core::lose_failed_step() {
  if (auto work = work_of_session())
    session_->lose_or_keep_transaction(*work, false);
}

/// The work that is, or was, carried out for the holder; null if there is none.
client_request* connection_core::work_of_session() {
  if (auto alone = as<activity::running>())
    return &alone->work.content();
  if (auto stop = as<activity::stopping>(); stop != nullptr && stop->work)
    return &*stop->work;
  if (auto ping = as<activity::pinging>(); ping != nullptr && ping->work)
    return &*ping->work;
  return nullptr;
}

// -- its end -----------------------------------------------------------------------

/// The outcome of requests that come after the end of the session.
outcome connection_core::if_session_ends() {
  return session_->if_session_ends(work_of_session(), link_->has_open_transaction());
}

void connection_core::end_session(const std::string& reason) {
  lose_failed_step();
  end_session(reason, if_session_ends());
}

void connection_core::end_session(const std::string& reason, cenote::outcome outcome) {
  auto session = std::move(*session_);
  session_.reset();
  reuse_.note_owner(session.owner());
  auto id = session.id();
  session.fail(session_has_ended(id, outcome, reason), output_);
  last_session_ = output_.unreported_end = session_end{id, reason, outcome};
  if (is<activity::leased>()) {
    reset_or_release();
  } else if (is<activity::running>()) {
    // An open transaction will be rolled back, unless it is just being committed.
    answer_running(session_has_ended(id, outcome::unknown, reason));
    stop_on_server(std::nullopt);
  }
  // Otherwise it is being stopped already, and is free when that is over.
}

} // namespace cenote
