// What a connection is used for alone: statements, transactions, and the steps of both.

#include "connection/connection_core.hpp"
#include "pool/partial_effects.hpp"
#include "pool/sql_rules.hpp"

#include <cassert>
#include <optional>
#include <utility>

namespace cenote {

namespace {

/// Whether the error is about the compound statement and not about one of its parts: which of them is to blame, and
/// whether anything is wrong with it when it comes alone, is only found out step by step.
bool is_about_all(const db::driver_error& error) {
  return error.source == db::error_source::invalid_statement
         || (error.source == db::error_source::server && error.complete_sets == 0 && error.sqlstate == "42000");
}

/// Not by the number: a server may send any, long after it has begun.
bool was_never_sent(const db::driver_error& error) {
  return error.source == db::error_source::server && error.phase != db::phase::waiting;
}

} // namespace

void connection_core::start_work(activity::held_grant x) {
  if (auto text = std::get_if<statement>(&x.what.request.work)) {
    needs_reset_ = false;
    note_session_changes(text->sql);
    // A copy stays in the grant, in case that the connection turns out to be dead.
    job work{*text, x.answer_to};
    run(std::move(work), std::move(x));
  } else if (std::holds_alternative<transaction>(x.what.request.work)) {
    start_transaction(std::move(x));
  } else {
    start_session(std::move(x));
  }
}

void connection_core::start_transaction(activity::held_grant x) {
  auto& whole = std::get<transaction>(x.what.request.work);
  uint32_t index = 0;
  if (auto problem = pool::problem_of(whole, index); !problem.empty()) {
    auto why = own_failure(errc::invalid_statement, outcome::rejected, problem);
    if (!whole.statements.empty())
      why.statement_index = index;
    job work{std::move(whole), false, x.answer_to};
    answer(work, x, std::move(why));
    release(disposition::reusable);
    return;
  }
  needs_reset_ = false;
  for (auto& text : whole.statements)
    note_session_changes(text.sql);
  job work{whole, link_->is_mariadb() && pool::fits_compound(whole), x.answer_to};
  run(std::move(work), std::move(x));
}

void connection_core::run(job work, std::optional<activity::held_grant> origin) {
  if (origin)
    limit_until(origin->what.request.deadline);
  state_ = activity::running{std::move(work), std::move(origin)};
  run_step();
}

// -- steps -----------------------------------------------------------------------

void connection_core::run_step() {
  auto& work = std::get<activity::running>(state_).work;
  auto& step = work.current();
  drive(step.kind == step_kind::compound ? link_->start_compound(work.whole()) : link_->start_execute(step.text));
}

void connection_core::finish_step() {
  auto& work = std::get<activity::running>(state_).work;
  auto more = false;
  auto kind = work.current().kind;
  if (kind == step_kind::compound) {
    auto came = link_->take_compound();
    if (!came)
      return step_failed(came.error());
    more = work.step_done(std::move(*came));
  } else {
    auto came = link_->take();
    if (!came)
      return step_failed(came.error());
    if (kind == step_kind::statement && work.is_transaction() && !link_->has_open_transaction())
      return transaction_has_ended();
    if (kind == step_kind::statement && leaves_transaction_open())
      return roll_back_what_is_open();
    if (kind == step_kind::aftermath && !session_ && came->warnings() > 0)
      work.doubt_rollback();
    if (kind == step_kind::begin && !session_ && work.at_start() && came->warnings() > 0)
      return compound_left_effects();
    more = work.step_done(std::move(*came));
  }
  if (more) {
    run_step();
  } else if (session_) {
    conclude(link_->has_open_transaction());
  } else {
    if (kind != step_kind::aftermath && kind != step_kind::question)
      streak_.succeeded();
    answer(work);
    job_done();
  }
}

void connection_core::step_failed(const db::driver_error& error) {
  auto& [work, origin] = std::get<activity::running>(state_);
  auto kind = work.current().kind;
  auto committing = kind == step_kind::commit
                    || (kind == step_kind::compound && error.complete_sets == work.whole().statements.size());
  auto meaning = classify(error, work.kind(), link_->is_mariadb(), committing, work.partial_effect());
  if (was_never_sent(error) && work.at_start() && origin) {
    state_ = activity::checking{std::move(origin)}; // It is as if it had not begun.
    check_failed(meaning.failure.text);
    return;
  }
  if (meaning.connection == disposition::reusable && !link_->usable())
    meaning.connection = disposition::broken;
  note_error(error, origin ? origin->what.caller : 0);
  auto reusable = meaning.connection == disposition::reusable;
  if (meaning.connection == disposition::demoted && link_->usable()) { // It is left as soon as the failure is complete.
    retired_ = {meaning.connection, meaning.failure.text};
    reusable = true;
  }
  if (kind == step_kind::compound && reusable && is_about_all(error)) {
    work.take_apart();
    run_step();
    return;
  }
  if (kind == step_kind::check && reusable) { // The savepoint has gone, and so has the transaction that held it.
    if (session_)
      conclude(false);
    else
      transaction_has_ended();
    return;
  }
  if (kind == step_kind::aftermath || kind == step_kind::question) {
    if (reusable && session_ && work.is_guarded()) {
      needs_reset_ = true;
      conclude(false);
    } else {
      cleanup_failed(error, std::move(meaning));
    }
    return;
  }
  auto text = meaning.failure.text;
  auto sets = reusable ? std::optional{error.complete_sets} : std::nullopt;
  auto why = work.outcome_of_whole(std::move(meaning.failure), sets, link_->in_transaction());
  auto nothing_sent = error.source == db::error_source::invalid_statement;
  if (reusable && session_ && nothing_sent && !work.is_guarded()) {
    work.fail(std::move(why)); // There is nothing to ask the server.
    conclude(link_->has_open_transaction());
  } else if (reusable && !work.is_guarded() && work.asks_what_stayed(why, observed(error, link_->is_mariadb()))) {
    work.ask_what_stayed(std::move(why));
    run_step();
  } else if (reusable && session_) {
    // An error does not tell whether a transaction is still open; any success does.
    work.look_and_fail(std::move(why));
    run_step();
  } else if (reusable && work.is_transaction()) {
    work.fail_after("ROLLBACK", std::move(why));
    run_step();
  } else {
    answer(work, origin, std::move(why));
    if (reusable)
      job_done();
    else
      release(meaning.connection, std::move(text));
  }
}

/// What had to be done before a failure is answered has failed itself. The client gets to know what came before.
void connection_core::cleanup_failed(const db::driver_error& error, classified_error meaning) {
  auto& [work, origin] = std::get<activity::running>(state_);
  auto reusable = meaning.connection == disposition::reusable || link_->usable();
  needs_reset_ = true;
  if (session_) {
    // Whether its transaction is open cannot be told: ending the connection makes it sure.
    if (reusable)
      meaning.connection = disposition::broken;
    reusable = false;
    lose_failed_step();
  }
  answer(work);
  if (reusable)
    job_done();
  else
    release(meaning.connection, error.text);
}

/// The server would not run a transaction in one round trip, and has kept some of it: it must not run again.
void connection_core::compound_left_effects() {
  answer_running(own_failure(errc::server_error, outcome::unknown,
                             "the server refused the transaction, but tables that know no transactions keep what it "
                             "did to them"));
  needs_reset_ = true;
  job_done();
}

/// A statement has committed or rolled back, which can be done in ways that its text does not show.
void connection_core::transaction_has_ended() {
  answer_running(own_failure(
      errc::transaction_ended, outcome::unknown,
      "the statement has ended its transaction, by a COMMIT or the like in a procedure: what came before it "
      "may have taken effect, what comes after was not run"));
  needs_reset_ = true;
  job_done();
}

/// Whether a statement that came alone has begun a transaction and not ended it. Its success would not last: only that
/// of a read, which has nothing to lose.
bool connection_core::leaves_transaction_open() const {
  auto& work = std::get<activity::running>(state_).work;
  return !session_ && !work.is_transaction() && link_->has_open_transaction()
         && (work.kind() != statement_kind::read || pool::may_commit(work.current().text.sql));
}

void connection_core::roll_back_what_is_open() {
  auto& [work, origin] = std::get<activity::running>(state_);
  auto& sql = work.current().text.sql;
  auto may_have_committed = pool::may_commit(sql) && !pool::controls_transaction(sql);
  auto why = own_failure(errc::transaction_ended, may_have_committed ? outcome::unknown : outcome::rejected,
                         "the statement left a transaction open, which was rolled back: run it in a session, or let a "
                         "procedure end what it begins with COMMIT");
  if (may_have_committed)
    why.text += "; what it did outside of that transaction has taken effect";
  needs_reset_ = true;
  work.fail_after("ROLLBACK", std::move(why));
  run_step();
}

/// The client has its answer, and the connection is in order.
void connection_core::job_done() {
  if (leaves_if_retired())
    return;
  want(true, false);
  if (session_) {
    state_ = activity::leased{};
    next_command();
  } else {
    reset_or_release();
  }
}

// -- answers -----------------------------------------------------------------------

/// Answers with the result, or with what has failed.
void connection_core::answer(job& work) {
  auto content = work.take_answer();
  if (auto why = std::get_if<failure>(&content)) {
    auto alone = as<activity::running>();
    answer(work, alone != nullptr ? alone->origin : std::nullopt, std::move(*why));
  } else if (work.answer_once()) {
    output_.add(connection_command::answer{work.answer_to(), std::move(content)});
  }
}

void connection_core::answer(job& work, const std::optional<activity::held_grant>& origin, failure why) {
  if (!work.answer_once())
    return;
  if (origin) {
    why = of_request(std::move(why), origin->what);
  } else {
    why.attempts = 1;
    why.waited = why.waited.zero();
  }
  output_.add(connection_command::answer{work.answer_to(), std::move(why)});
}

/// The work at hand is not waited for any more.
void connection_core::answer_running(failure why) {
  auto& [work, origin] = std::get<activity::running>(state_);
  answer(work, origin, work.outcome_if_cut(std::move(why), link_->in_transaction()));
}

} // namespace cenote
