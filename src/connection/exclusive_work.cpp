#include "connection/exclusive_work.hpp"

#include "connection/classification.hpp"
#include "pool/partial_effects.hpp"
#include "pool/sql_rules.hpp"

#include <cassert>

namespace cenote {

namespace {

/// Whether the error concerns the compound statement as a whole and not one of its parts. Which part causes it, and
/// whether that part fails on its own, is found out step by step.
bool is_about_all(const db::driver_error& error) {
  return error.source == db::error_source::invalid_statement
         || (error.source == db::error_source::server && error.complete_sets == 0 && error.sqlstate == "42000");
}

/// Not by the number: a server may send any number, long after the statement has begun.
bool was_never_sent(const db::driver_error& error) {
  return error.source == db::error_source::server && error.phase != db::phase::waiting;
}

} // namespace

db::progress exclusive_work::start_step(db::server_link& link) {
  auto& step = content_.current();
  return step.kind == step_kind::compound ? link.start_compound(content_.whole()) : link.start_execute(step.text);
}

step_outcome exclusive_work::finish_step(db::server_link& link, reuse_rules& reuse, connection_output& out) {
  auto more = false;
  auto kind = content_.current().kind;
  if (kind == step_kind::compound) {
    auto answered = link.take_compound();
    if (!answered)
      return step_failed(answered.error(), link, reuse, out);
    more = content_.step_done(std::move(*answered));
  } else {
    auto answered = link.take();
    if (!answered)
      return step_failed(answered.error(), link, reuse, out);
    if (kind == step_kind::statement && content_.is_transaction() && !link.has_open_transaction())
      return transaction_has_ended(link, reuse, out);
    if (kind == step_kind::statement && leaves_transaction_open(link)) {
      reuse.require_reset();
      roll_back_open_transaction();
      return after_step::next{};
    }
    if (kind == step_kind::aftermath && !of_session() && answered->warnings() > 0)
      content_.doubt_rollback();
    if (kind == step_kind::begin && !of_session() && content_.at_start() && answered->warnings() > 0)
      return compound_left_effects(link, reuse, out);
    more = content_.step_done(std::move(*answered));
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
  auto kind = content_.current().kind;
  auto committing = kind == step_kind::commit
                    || (kind == step_kind::compound && error.complete_sets == content_.whole().statements.size());
  auto classified = classify(error, content_.kind(), link.is_mariadb(), committing, content_.partial_effect());
  if (was_never_sent(error) && content_.at_start() && origin_)
    return after_step::never_began{std::move(*origin_), classified.failure.text};
  if (classified.connection == disposition::reusable && !link.usable())
    classified.connection = disposition::broken;
  if (origin_)
    reuse.request_failed(error, origin_->content.caller);
  auto reusable = classified.connection == disposition::reusable;
  if (classified.connection == disposition::demoted && link.usable()) { // It is given up once the failure is complete.
    reuse.retire({classified.connection, classified.failure.text});
    reusable = true;
  }
  if (kind == step_kind::compound && reusable && is_about_all(error)) {
    content_.take_apart();
    return after_step::next{};
  }
  if (kind == step_kind::check && reusable) { // The savepoint is gone, and so is the transaction that held it.
    if (of_session())
      return after_step::conclude{false};
    return transaction_has_ended(link, reuse, out);
  }
  if (kind == step_kind::aftermath || kind == step_kind::question) {
    if (reusable && of_session() && content_.is_guarded()) {
      reuse.require_reset();
      return after_step::conclude{false};
    }
    return cleanup_failed(error, classified.connection, link.usable(), reuse, out);
  }
  auto text = classified.failure.text;
  auto sets = reusable ? std::optional{error.complete_sets} : std::nullopt;
  auto reason = content_.outcome_of_whole(std::move(classified.failure), sets, link.in_transaction());
  auto nothing_sent = error.source == db::error_source::invalid_statement;
  if (reusable && of_session() && nothing_sent && !content_.is_guarded()) {
    content_.fail(std::move(reason)); // There is nothing to ask the server.
    return after_step::conclude{link.has_open_transaction()};
  }
  if (reusable && !content_.is_guarded() && content_.asks_what_stayed(reason, observed(error, link.is_mariadb()))) {
    content_.ask_what_stayed(std::move(reason));
    return after_step::next{};
  }
  if (reusable && of_session()) {
    // An error does not report whether a transaction is still open; any success does.
    content_.look_and_fail(std::move(reason));
    return after_step::next{};
  }
  if (reusable && content_.is_transaction()) {
    content_.fail_after("ROLLBACK", std::move(reason));
    return after_step::next{};
  }
  answer(out, std::move(reason));
  if (reusable)
    return after_step::done{};
  return after_step::leave{{classified.connection, std::move(text)}};
}

/// The step that had to be done before answering a failure has failed itself. The client gets the earlier failure.
step_outcome exclusive_work::cleanup_failed(const db::driver_error& error, disposition connection, bool usable,
                                            reuse_rules& reuse, connection_output& out) {
  reuse.require_reset();
  auto reusable = connection == disposition::reusable || usable;
  if (of_session()) // It is unknown whether its transaction is open: ending the connection settles that.
    return after_step::leave{{reusable ? disposition::broken : connection, error.text}};
  answer(out);
  if (reusable)
    return after_step::done{};
  return after_step::leave{{connection, error.text}};
}

/// The server refused to run a transaction in one round trip, but some of its effects remain: it must not run again.
step_outcome exclusive_work::compound_left_effects(const db::server_link& link, reuse_rules& reuse,
                                                   connection_output& out) {
  cut(out,
      own_failure(errc::server_error, outcome::unknown,
                  "the server refused the transaction, but its changes to tables without transactions remain"),
      link.in_transaction());
  reuse.require_reset();
  return after_step::done{};
}

/// A statement has committed or rolled back, without its text showing that.
step_outcome exclusive_work::transaction_has_ended(const db::server_link& link, reuse_rules& reuse,
                                                   connection_output& out) {
  cut(out,
      own_failure(
          errc::transaction_ended, outcome::unknown,
          "the statement has ended its transaction, by a COMMIT or the like in a procedure: the statements before "
          "it may have taken effect, those after it were not run"),
      link.in_transaction());
  reuse.require_reset();
  return after_step::done{};
}

/// Whether a single statement has begun a transaction and not ended it. Its effects would not last; a read has none to
/// lose.
bool exclusive_work::leaves_transaction_open(const db::server_link& link) const {
  return !of_session() && !content_.is_transaction() && link.has_open_transaction()
         && (content_.kind() != statement_kind::read || pool::may_commit(content_.current().text.sql));
}

void exclusive_work::roll_back_open_transaction() {
  auto& sql = content_.current().text.sql;
  auto may_have_committed = pool::may_commit(sql) && !pool::controls_transaction(sql);
  auto reason = own_failure(errc::transaction_ended, may_have_committed ? outcome::unknown : outcome::rejected,
                            "the statement left a transaction open, which was rolled back: run it in a session, or let "
                            "a procedure end its transaction with COMMIT");
  if (may_have_committed)
    reason.text += "; its changes outside of that transaction have taken effect";
  content_.fail_after("ROLLBACK", std::move(reason));
}

// -- answers -----------------------------------------------------------------------

void exclusive_work::answer(connection_output& out) {
  content_.answer(out, origin_ ? &origin_->content : nullptr);
}

void exclusive_work::answer(connection_output& out, failure reason) {
  content_.answer(out, std::move(reason), origin_ ? &origin_->content : nullptr);
}

void exclusive_work::cut(connection_output& out, failure reason, bool in_transaction) {
  answer(out, content_.outcome_if_cut(std::move(reason), in_transaction));
}

} // namespace cenote
