#include "actors/connection_state.hpp"

#include "actors/judgement.hpp"
#include "actors/liveness.hpp"
#include "actors/log.hpp"
#include "cenote/error.hpp"
#include "pool/sql_rules.hpp"
#include "types/time.hpp"

#include <caf/sec.hpp>

#include <optional>
#include <utility>

namespace cenote {

namespace {

failure session_over(session_id id, const std::string& why) {
  return own_failure(errc::session_ended, outcome::rejected,
                     "session " + std::to_string(static_cast<uint64_t>(id)) + " has ended: " + why
                         + "; check out another one");
}

/// Whether the error is about the compound statement and not about one of its parts: which of them is to blame, and
/// whether anything is wrong with it when it comes alone, is only found out step by step.
bool is_about_all(const db::trouble& x) {
  return x.source == db::complaint::invalid_statement
         || (x.source == db::complaint::server && x.complete_sets == 0 && x.sqlstate == "42000");
}

} // namespace

void connection_state::start_work() {
  if (auto what = std::get_if<statement>(&current.what)) {
    needs_reset = false;
    note_traces(what->sql);
    // A copy stays in the grant, in case that the connection turns out to be dead.
    at_hand.emplace(*what, promise);
    limit_until(current.deadline);
    run_step();
  } else if (auto all = std::get_if<transaction>(&current.what)) {
    start(*all);
  } else {
    start(std::get<lease>(current.what));
  }
}

void connection_state::start(transaction& what) {
  uint32_t index = 0;
  if (auto problem = pool::problem_of(what, index); !problem.empty()) {
    auto why = own_failure(errc::invalid_statement, outcome::rejected, problem);
    if (!what.statements.empty())
      why.statement_index = index;
    answer(std::move(why));
    release(fate::reusable);
    return;
  }
  needs_reset = false;
  for (auto& x : what.statements)
    note_traces(x.sql);
  at_hand.emplace(what, db->is_mariadb() && pool::fits_compound(what), promise);
  limit_until(current.deadline);
  run_step();
}

void connection_state::start(lease& what) {
  stop_timer();
  if (has_ended(current.user)) { // During the check: the pool has said so before there was a session to end.
    promise.deliver(caf::make_error(caf::sec::request_receiver_down)); // To nobody.
    release(fate::reusable);
    return;
  }
  doing = activity::leased;
  watch->want(true, false);
  in_use.emplace();
  in_use->terms = std::move(what);
  in_use->since = self->clock().now();
  needs_reset = false;
  auto& terms = in_use->terms;
  auto limit = deadline_after(in_use->since, terms.options.time_limit);
  if (limit != caf::actor_clock::time_point::max())
    in_use->time_limit = self->run_scheduled(limit, [this] { end_session("its time limit has passed"); });
  promise.deliver(terms.id);
}

// -- steps -----------------------------------------------------------------------

void connection_state::run_step() {
  doing = activity::running;
  auto& what = at_hand->current();
  drive(what.kind == step_kind::compound ? db->start_compound(at_hand->whole()) : db->start_execute(what.text));
}

void connection_state::finish_step() {
  auto more = false;
  auto kind = at_hand->current().kind;
  if (kind == step_kind::compound) {
    auto came = db->take_compound();
    if (!came)
      return step_failed(came.error());
    more = at_hand->step_done(std::move(*came));
  } else {
    auto came = db->take();
    if (!came)
      return step_failed(came.error());
    if (at_hand->is_transaction() && kind == step_kind::statement && !db->in_transaction())
      return lost_transaction();
    if (at_hand->current().kind == step_kind::aftermath && !in_use && came->warnings() > 0)
      at_hand->doubt_rollback();
    if (at_hand->current().kind == step_kind::begin && at_hand->at_start() && came->warnings() > 0)
      return not_undone();
    more = at_hand->step_done(std::move(*came));
  }
  if (more) {
    run_step();
    return;
  }
  stop_timer();
  if (kind != step_kind::aftermath)
    note_success();
  at_hand->answer();
  job_done();
}

void connection_state::step_failed(const db::trouble& what) {
  auto kind = at_hand->current().kind;
  auto committing = kind == step_kind::commit
                    || (kind == step_kind::compound && what.complete_sets == at_hand->whole().statements.size());
  auto judged = judge(what, at_hand->kind(), db->is_mariadb(), committing, at_hand->partial_effect());
  // Not by the number: a server may send any, long after it has begun.
  auto never_sent = what.source == db::complaint::server && what.when != db::phase::waiting;
  if (never_sent && at_hand->at_start() && !in_use) {
    hand_back(judged.why.text);
    return;
  }
  if (judged.connection == fate::reusable && !db->usable())
    judged.connection = fate::broken;
  note_error(what, current.user);
  auto reusable = judged.connection == fate::reusable;
  if (judged.connection == fate::demoted && db->usable()) { // It is left as soon as the failure is complete.
    last_report = released{judged.connection, judged.why.text, 0};
    reusable = true;
  }
  if (kind == step_kind::compound && reusable && is_about_all(what)) {
    at_hand->take_apart();
    run_step();
    return;
  }
  auto text = judged.why.text;
  auto sets = reusable ? std::optional{what.complete_sets} : std::nullopt;
  auto why = at_hand->fate_of_whole(std::move(judged.why), sets, db->in_transaction());
  if (kind == step_kind::aftermath || kind == step_kind::question) {
    // The client gets to know what came before. Whether a transaction is open is not known now.
    needs_reset = true;
    at_hand->answer();
  } else if (reusable && at_hand->asks_what_stayed(why, observed(what, db->is_mariadb()))) {
    put_numbers(why);
    at_hand->ask_what_stayed(std::move(why));
    run_step();
    return;
  } else if (reusable && (at_hand->is_transaction() || in_use)) {
    put_numbers(why);
    // An error does not tell whether a transaction is still open; any success does.
    at_hand->fail_after(at_hand->is_transaction() ? "ROLLBACK" : "DO 0", std::move(why));
    run_step();
    return;
  } else {
    answer(std::move(why));
  }
  stop_timer();
  if (reusable)
    job_done();
  else
    release(judged.connection, std::move(text));
}

/// The server would not run a transaction in one round trip, and has kept some of it: it must not run again.
void connection_state::not_undone() {
  stop_timer();
  answer(own_failure(errc::server_error, outcome::unknown,
                     "the server refused the transaction, but tables that know no transactions keep what it did to "
                     "them"));
  needs_reset = true;
  job_done();
}

/// A statement has committed or rolled back, which can be done in ways that its text does not show.
void connection_state::lost_transaction() {
  stop_timer();
  answer(at_hand->fate_of_whole(
      own_failure(
          errc::invalid_statement, outcome::unknown,
          "the statement has ended its transaction, by a COMMIT or the like in a procedure: what came before it "
          "may have taken effect, what comes after was not run"),
      std::nullopt, false));
  needs_reset = true;
  job_done();
}

/// The client has its answer, and the connection is in order.
void connection_state::job_done() {
  at_hand.reset();
  if (last_report) {
    release(last_report->what, last_report->reason);
    return;
  }
  watch->want(true, false);
  if (in_use) {
    doing = activity::leased;
    next_command();
  } else {
    settle();
  }
}

/// What its text says of a statement; what routines do, the server tells afterwards.
void connection_state::note_traces(const std::string& sql) {
  if (!pool::may_leave_traces(sql))
    return;
  needs_reset = true;
  outlives_reset |= pool::outlives_reset(sql);
}

/// Nobody uses the connection any more: undoes what its user has left behind, then it is free.
void connection_state::settle() {
  if (outlives_reset) {
    release(fate::broken, "a statement has changed its session in a way that a reset does not undo");
    return;
  }
  if (!needs_reset && !db->in_transaction() && !db->is_touched()) {
    release(fate::reusable);
    return;
  }
  needs_reset = false;
  doing = activity::resetting;
  limit_until(self->clock().now() + context.server->connect_timeout);
  drive(db->start_reset());
}

void connection_state::finish_reset(const tl::expected<result, db::trouble>& outcome) {
  stop_timer();
  if (outcome && !db->in_transaction()) {
    release(fate::reusable);
    return;
  }
  auto why = outcome ? "a transaction is open after a reset" : outcome.error().text;
  release(fate::broken, last_owner.empty() ? why : why + "; its last session was that of " + last_owner);
}

// -- sessions --------------------------------------------------------------------

void connection_state::add(session_command what) {
  auto who = what.session;
  if (!in_use || in_use->terms.id != who) {
    self->make_response_promise().deliver(make_error(session_over(who, "its time was up, or it was checked in")));
    return;
  }
  in_use->waiting.emplace_back(std::move(what), self->make_response_promise());
  if (doing == activity::leased)
    next_command();
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

void connection_state::next_command() {
  if (in_use->waiting.empty()) {
    if (in_use->ending)
      end_session("it was checked in");
    return;
  }
  auto next = std::move(in_use->waiting.front());
  in_use->waiting.pop_front();
  if (next.current().kind == step_kind::begin && db->in_transaction()) {
    next.answer(own_failure(errc::invalid_statement, outcome::rejected,
                            "a transaction is open already: commit or roll back first, or set a savepoint"));
    next_command();
    return;
  }
  note_traces(next.current().text.sql);
  needs_reset = true;
  in_use->last_statement = next.current().text.sql;
  current.attempts = 1;
  current.waited = current.waited.zero();
  at_hand.emplace(std::move(next));
  limit_until(at_hand->limit() > at_hand->limit().zero() ? self->clock().now() + at_hand->limit()
                                                         : caf::actor_clock::time_point::max());
  run_step();
}

void connection_state::end_session(const std::string& why) {
  if (!in_use)
    return;
  auto session = std::exchange(in_use, std::nullopt);
  last_owner = session->terms.options.owner;
  session->time_limit.dispose();
  for (auto& x : session->waiting)
    x.answer(session_over(session->terms.id, why));
  if (doing == activity::leased) {
    settle();
  } else if (doing == activity::running) {
    // An open transaction will be rolled back, unless it is just being committed.
    auto over = session_over(session->terms.id, why);
    over.what = outcome::unknown;
    cut(std::move(over));
    stop_on_server();
  }
  // Else it is being stopped already, and settles when that is over.
}

} // namespace cenote
