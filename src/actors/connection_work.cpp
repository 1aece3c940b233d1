#include "actors/connection_state.hpp"

#include "actors/classification.hpp"
#include "actors/liveness.hpp"
#include "actors/log.hpp"
#include "cenote/error.hpp"
#include "pool/request.hpp"
#include "pool/sql_rules.hpp"
#include "types/time.hpp"

#include <optional>
#include <utility>

namespace cenote {

namespace {

/// Whether the error is about the compound statement and not about one of its parts: which of them is to blame, and
/// whether anything is wrong with it when it comes alone, is only found out step by step.
bool is_about_all(const db::driver_error& x) {
  return x.source == db::error_source::invalid_statement
         || (x.source == db::error_source::server && x.complete_sets == 0 && x.sqlstate == "42000");
}

} // namespace

void connection_state::start_work() {
  if (auto what = std::get_if<statement>(&current.work)) {
    needs_reset = false;
    note_traces(what->sql);
    // A copy stays in the grant, in case that the connection turns out to be dead.
    at_hand.emplace(*what, promise);
    limit_until(current.deadline);
    run_step();
  } else if (auto all = std::get_if<transaction>(&current.work)) {
    start(*all);
  } else {
    start(std::get<lease>(current.work));
  }
}

void connection_state::start(transaction& what) {
  uint32_t index = 0;
  if (auto problem = pool::problem_of(what, index); !problem.empty()) {
    auto why = own_failure(errc::invalid_statement, outcome::rejected, problem);
    if (!what.statements.empty())
      why.statement_index = index;
    answer(std::move(why));
    release(disposition::reusable);
    return;
  }
  needs_reset = false;
  for (auto& x : what.statements)
    note_traces(x.sql);
  at_hand.emplace(what, db->is_mariadb() && pool::fits_compound(what), promise);
  limit_until(current.deadline);
  run_step();
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
    if (kind == step_kind::statement && at_hand->is_transaction() && !db->has_open_transaction())
      return lost_transaction();
    if (kind == step_kind::statement && leaves_transaction_open())
      return roll_back_what_is_open();
    if (kind == step_kind::aftermath && !in_use && came->warnings() > 0)
      at_hand->doubt_rollback();
    if (kind == step_kind::begin && !in_use && at_hand->at_start() && came->warnings() > 0)
      return not_undone();
    more = at_hand->step_done(std::move(*came));
  }
  if (more) {
    run_step();
  } else if (in_use) {
    conclude(db->has_open_transaction());
  } else {
    stop_timer();
    if (kind != step_kind::aftermath && kind != step_kind::question)
      note_success();
    at_hand->answer();
    job_done();
  }
}

void connection_state::step_failed(const db::driver_error& what) {
  auto kind = at_hand->current().kind;
  auto committing = kind == step_kind::commit
                    || (kind == step_kind::compound && what.complete_sets == at_hand->whole().statements.size());
  auto classified = classify(what, at_hand->kind(), db->is_mariadb(), committing, at_hand->partial_effect());
  // Not by the number: a server may send any, long after it has begun.
  auto never_sent = what.source == db::error_source::server && what.phase != db::phase::waiting;
  if (never_sent && at_hand->at_start() && !in_use) {
    hand_back(classified.failure.text);
    return;
  }
  if (classified.connection == disposition::reusable && !db->usable())
    classified.connection = disposition::broken;
  note_error(what, current.user);
  auto reusable = classified.connection == disposition::reusable;
  if (classified.connection == disposition::demoted && db->usable()) { // It is left as soon as the failure is complete.
    last_report = released{classified.connection, classified.failure.text, 0};
    reusable = true;
  }
  if (kind == step_kind::compound && reusable && is_about_all(what)) {
    at_hand->take_apart();
    run_step();
    return;
  }
  if (kind == step_kind::check && reusable) { // The savepoint has gone, and so has the transaction that held it.
    if (in_use)
      conclude(false);
    else
      lost_transaction();
    return;
  }
  auto text = classified.failure.text;
  if (kind == step_kind::aftermath || kind == step_kind::question) {
    // The client gets to know what came before.
    needs_reset = true;
    if (reusable && in_use && at_hand->is_guarded()) {
      conclude(false);
      return;
    }
    if (in_use) // Whether its transaction is open cannot be told: ending the connection makes it sure.
      classified.connection = reusable ? disposition::broken : classified.connection;
    reusable = reusable && !in_use;
    at_hand->answer();
  } else {
    auto sets = reusable ? std::optional{what.complete_sets} : std::nullopt;
    auto why = at_hand->outcome_of_whole(std::move(classified.failure), sets, db->in_transaction());
    put_numbers(why);
    if (reusable && in_use && what.source == db::error_source::invalid_statement && !at_hand->is_guarded()) {
      at_hand->fail(std::move(why)); // Nothing was sent: there is nothing to ask the server.
      conclude(db->has_open_transaction());
      return;
    }
    if (reusable && !at_hand->is_guarded() && at_hand->asks_what_stayed(why, observed(what, db->is_mariadb()))) {
      at_hand->ask_what_stayed(std::move(why));
      run_step();
      return;
    }
    if (reusable && (at_hand->is_transaction() || in_use)) {
      // An error does not tell whether a transaction is still open; any success does.
      if (in_use)
        at_hand->look_and_fail(std::move(why));
      else
        at_hand->fail_after("ROLLBACK", std::move(why));
      run_step();
      return;
    }
    answer(std::move(why));
  }
  stop_timer();
  if (reusable)
    job_done();
  else
    release(classified.connection, std::move(text));
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
  auto why = own_failure(
      errc::transaction_ended, outcome::unknown,
      "the statement has ended its transaction, by a COMMIT or the like in a procedure: what came before it "
      "may have taken effect, what comes after was not run");
  why.statement_index = at_hand->outcome_of_whole(why, std::nullopt, false).statement_index;
  answer(std::move(why));
  needs_reset = true;
  job_done();
}

/// Whether a statement that came alone has begun a transaction and not ended it. Its success would not last: only that
/// of a read, which has nothing to lose.
bool connection_state::leaves_transaction_open() const {
  return !in_use && !at_hand->is_transaction() && db->has_open_transaction()
         && (at_hand->kind() != statement_kind::read || pool::may_commit(at_hand->current().text.sql));
}

void connection_state::roll_back_what_is_open() {
  auto& sql = at_hand->current().text.sql;
  auto may_have_committed = pool::may_commit(sql) && !pool::controls_transaction(sql);
  auto why = own_failure(errc::transaction_ended, may_have_committed ? outcome::unknown : outcome::rejected,
                         "the statement left a transaction open, which was rolled back: run it in a session, or let a "
                         "procedure end what it begins with COMMIT");
  if (may_have_committed)
    why.text += "; what it did outside of that transaction has taken effect";
  put_numbers(why);
  needs_reset = true;
  at_hand->fail_after("ROLLBACK", std::move(why));
  run_step();
}

/// The client has its answer, and the connection is in order.
void connection_state::job_done() {
  at_hand.reset();
  if (last_report) {
    release(last_report->disposition, last_report->reason);
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
  if (std::exchange(evicted, false)) {
    release(disposition::evicted, "the holder of its session did not want it to be used again");
    return;
  }
  if (outlives_reset) {
    release(disposition::broken, "a statement has changed its session in a way that a reset does not undo");
    return;
  }
  if (!needs_reset && !db->in_transaction() && !db->is_touched()) {
    release(disposition::reusable);
    return;
  }
  needs_reset = false;
  doing = activity::resetting;
  limit_until(pool::later(self->clock().now(), context.server->connect_timeout));
  drive(db->start_reset());
}

void connection_state::finish_reset(const tl::expected<result, db::driver_error>& outcome) {
  stop_timer();
  if (outcome && !db->in_transaction()) {
    release(disposition::reusable);
    return;
  }
  auto why = outcome ? "a transaction is open after a reset" : outcome.error().text;
  release(disposition::broken, last_owner.empty() ? why : why + "; its last session was that of " + last_owner);
}

} // namespace cenote
