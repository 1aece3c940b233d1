#include "connection/exclusive_work.hpp"

#include "connection/classification.hpp"
#include "pool/partial_effects.hpp"
#include "pool/sql_rules.hpp"

#include <cassert>

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

db::progress exclusive_work::start_step(db::server_link& link) {
  auto& step = job_.current();
  return step.kind == step_kind::compound ? link.start_compound(job_.whole()) : link.start_execute(step.text);
}

step_outcome exclusive_work::finish_step(db::server_link& link, reuse_rules& reuse, connection_output& out) {
  auto more = false;
  auto kind = job_.current().kind;
  if (kind == step_kind::compound) {
    auto came = link.take_compound();
    if (!came)
      return step_failed(came.error(), link, reuse, out);
    more = job_.step_done(std::move(*came));
  } else {
    auto came = link.take();
    if (!came)
      return step_failed(came.error(), link, reuse, out);
    if (kind == step_kind::statement && job_.is_transaction() && !link.has_open_transaction())
      return transaction_has_ended(link, reuse, out);
    if (kind == step_kind::statement && leaves_transaction_open(link)) {
      reuse.require_reset();
      roll_back_what_is_open();
      return after_step::next{};
    }
    if (kind == step_kind::aftermath && !of_session() && came->warnings() > 0)
      job_.doubt_rollback();
    if (kind == step_kind::begin && !of_session() && job_.at_start() && came->warnings() > 0)
      return compound_left_effects(link, reuse, out);
    more = job_.step_done(std::move(*came));
  }
  if (more)
    return after_step::next{};
  if (of_session())
    return after_step::conclude{link.has_open_transaction()};
  if (kind != step_kind::aftermath && kind != step_kind::question)
    reuse.request_succeeded();
  answer(out);
  return after_step::done{};
}

step_outcome exclusive_work::step_failed(const db::driver_error& error, const db::server_link& link, reuse_rules& reuse,
                                         connection_output& out) {
  auto kind = job_.current().kind;
  auto committing = kind == step_kind::commit
                    || (kind == step_kind::compound && error.complete_sets == job_.whole().statements.size());
  auto meaning = classify(error, job_.kind(), link.is_mariadb(), committing, job_.partial_effect());
  if (was_never_sent(error) && job_.at_start() && origin_)
    return after_step::never_began{std::move(*origin_), meaning.failure.text};
  if (meaning.connection == disposition::reusable && !link.usable())
    meaning.connection = disposition::broken;
  if (origin_)
    reuse.request_failed(error, origin_->content.caller);
  auto reusable = meaning.connection == disposition::reusable;
  if (meaning.connection == disposition::demoted && link.usable()) { // It is left as soon as the failure is complete.
    reuse.retire({meaning.connection, meaning.failure.text});
    reusable = true;
  }
  if (kind == step_kind::compound && reusable && is_about_all(error)) {
    job_.take_apart();
    return after_step::next{};
  }
  if (kind == step_kind::check && reusable) { // The savepoint has gone, and so has the transaction that held it.
    if (of_session())
      return after_step::conclude{false};
    return transaction_has_ended(link, reuse, out);
  }
  if (kind == step_kind::aftermath || kind == step_kind::question) {
    if (reusable && of_session() && job_.is_guarded()) {
      reuse.require_reset();
      return after_step::conclude{false};
    }
    return cleanup_failed(error, meaning.connection, link.usable(), reuse, out);
  }
  auto text = meaning.failure.text;
  auto sets = reusable ? std::optional{error.complete_sets} : std::nullopt;
  auto reason = job_.outcome_of_whole(std::move(meaning.failure), sets, link.in_transaction());
  auto nothing_sent = error.source == db::error_source::invalid_statement;
  if (reusable && of_session() && nothing_sent && !job_.is_guarded()) {
    job_.fail(std::move(reason)); // There is nothing to ask the server.
    return after_step::conclude{link.has_open_transaction()};
  }
  if (reusable && !job_.is_guarded() && job_.asks_what_stayed(reason, observed(error, link.is_mariadb()))) {
    job_.ask_what_stayed(std::move(reason));
    return after_step::next{};
  }
  if (reusable && of_session()) {
    // An error does not tell whether a transaction is still open; any success does.
    job_.look_and_fail(std::move(reason));
    return after_step::next{};
  }
  if (reusable && job_.is_transaction()) {
    job_.fail_after("ROLLBACK", std::move(reason));
    return after_step::next{};
  }
  answer(out, std::move(reason));
  if (reusable)
    return after_step::done{};
  return after_step::leave{{meaning.connection, std::move(text)}};
}

/// What had to be done before a failure is answered has failed itself. The client gets to know what came before.
step_outcome exclusive_work::cleanup_failed(const db::driver_error& error, disposition connection, bool usable,
                                            reuse_rules& reuse, connection_output& out) {
  reuse.require_reset();
  auto reusable = connection == disposition::reusable || usable;
  if (of_session()) // Whether its transaction is open cannot be told: ending the connection makes it sure.
    return after_step::leave{{reusable ? disposition::broken : connection, error.text}};
  answer(out);
  if (reusable)
    return after_step::done{};
  return after_step::leave{{connection, error.text}};
}

/// The server would not run a transaction in one round trip, and has kept some of it: it must not run again.
step_outcome exclusive_work::compound_left_effects(const db::server_link& link, reuse_rules& reuse,
                                                   connection_output& out) {
  cut(out,
      own_failure(errc::server_error, outcome::unknown,
                  "the server refused the transaction, but tables that know no transactions keep what it did to them"),
      link.in_transaction());
  reuse.require_reset();
  return after_step::done{};
}

/// A statement has committed or rolled back, which can be done in ways that its text does not show.
step_outcome exclusive_work::transaction_has_ended(const db::server_link& link, reuse_rules& reuse,
                                                   connection_output& out) {
  cut(out,
      own_failure(errc::transaction_ended, outcome::unknown,
                  "the statement has ended its transaction, by a COMMIT or the like in a procedure: what came before "
                  "it may have taken effect, what comes after was not run"),
      link.in_transaction());
  reuse.require_reset();
  return after_step::done{};
}

/// Whether a statement that came alone has begun a transaction and not ended it. Its success would not last: only that
/// of a read, which has nothing to lose.
bool exclusive_work::leaves_transaction_open(const db::server_link& link) const {
  return !of_session() && !job_.is_transaction() && link.has_open_transaction()
         && (job_.kind() != statement_kind::read || pool::may_commit(job_.current().text.sql));
}

void exclusive_work::roll_back_what_is_open() {
  auto& sql = job_.current().text.sql;
  auto may_have_committed = pool::may_commit(sql) && !pool::controls_transaction(sql);
  auto reason = own_failure(errc::transaction_ended, may_have_committed ? outcome::unknown : outcome::rejected,
                            "the statement left a transaction open, which was rolled back: run it in a session, or let "
                            "a procedure end what it begins with COMMIT");
  if (may_have_committed)
    reason.text += "; what it did outside of that transaction has taken effect";
  job_.fail_after("ROLLBACK", std::move(reason));
}

// -- answers -----------------------------------------------------------------------

void exclusive_work::answer(connection_output& out) {
  job_.answer(out, origin_ ? &origin_->content : nullptr);
}

void exclusive_work::answer(connection_output& out, failure reason) {
  job_.answer(out, std::move(reason), origin_ ? &origin_->content : nullptr);
}

void exclusive_work::cut(connection_output& out, failure reason, bool in_transaction) {
  answer(out, job_.outcome_if_cut(std::move(reason), in_transaction));
}

} // namespace cenote
