#include "connection/session_in_use.hpp"

#include "connection/classification.hpp"
#include "connection/seconds.hpp"
#include "types/time.hpp"

#include <algorithm>
#include <utility>

namespace cenote {

namespace {

/// This much of a statement is kept, for the log and to determine its possible effects.
constexpr size_t max_kept_sql = 1024;

failure expired(std::chrono::nanoseconds limit) {
  return own_failure(errc::statement_timeout, outcome::not_sent,
                     "its time limit of " + seconds(limit)
                         + " passed before earlier requests of its session were done");
}

failure too_many(size_t limit) {
  return own_failure(errc::queue_full, outcome::unavailable,
                     std::to_string(limit)
                         + " requests of the same session wait already: wait for their answers, or "
                           "raise pool.max-waiting");
}

} // namespace

session_in_use::session_in_use(lease terms, time_point now)
    : terms_{std::move(terms)}, since_{now}, until_{deadline_after(now, terms_.options.time_limit)} {
  // nop
}

// -- requests of its holder ------------------------------------------------------

void session_in_use::add(session_command command, ticket answer_to, time_point now, connection_output& out) {
  if (waiting_.size() >= terms_.max_waiting) {
    out.add(connection_command::answer{answer_to, too_many(terms_.max_waiting)});
    return;
  }
  note_use();
  auto deadline = deadline_after(now, command.text.timeout);
  waiting_due_ = std::min(waiting_due_, deadline);
  waiting_.push_back({client_request{std::move(command), answer_to}, deadline});
}

std::optional<waiting_command> session_in_use::next_to_send(bool transaction_open, time_point now,
                                                            connection_output& out) {
  while (auto next = take_next()) {
    auto& work = next->work;
    if (next->deadline <= now) {
      work.answer(out, expired(work.limit()), nullptr);
    } else if (auto refused = transaction_.refusal(work.step(), work.current().text.sql, transaction_open)) {
      work.answer(out, std::move(*refused), nullptr);
    } else {
      prepare(work, transaction_open);
      return next;
    }
  }
  return std::nullopt;
}

std::optional<waiting_command> session_in_use::take_next() {
  if (waiting_.empty())
    return std::nullopt;
  auto next = std::move(waiting_.front());
  waiting_.pop_front();
  if (waiting_.empty())
    waiting_due_ = time_point::max();
  return next;
}

void session_in_use::prepare(client_request& work, bool transaction_open) {
  auto& sql = work.current().text.sql;
  last_statement_ = sql.substr(0, max_kept_sql);
  was_open_ = transaction_open;
  if (transaction_.needs_mark(work.step(), sql))
    work.guard();
  if (work.step() == pool::session_step::begin && transaction_.needs_rollback_first())
    work.roll_back_first();
}

void session_in_use::expire(time_point now, connection_output& out) {
  if (waiting_due_ > now)
    return;
  auto next = time_point::max();
  std::erase_if(waiting_, [&](auto& command) {
    if (command.deadline > now) {
      next = std::min(next, command.deadline);
      return false;
    }
    command.work.answer(out, expired(command.work.limit()), nullptr);
    return true;
  });
  // Many may wait, each with a deadline of its own: at most one pass per millisecond.
  waiting_due_ = next == time_point::max() ? next : std::max(next, later(now, std::chrono::milliseconds{1}));
}

void session_in_use::fail(const failure& reason, connection_output& out) {
  for (auto& command : std::exchange(waiting_, {}))
    command.work.answer(out, reason, nullptr);
  waiting_due_ = time_point::max();
}

// -- the state of its transaction --------------------------------------------------

void session_in_use::conclude(client_request& work, bool open, connection_output& out) {
  if (work.failed())
    lose_or_keep_transaction(work, open);
  else if (auto ended = transaction_.succeeded(work.step(), last_statement_, open))
    work.answer(out, std::move(*ended), nullptr);
  work.answer(out, nullptr);
}

void session_in_use::lose_or_keep_transaction(client_request& work, bool open) {
  if (work.failed() && work.conclude_once())
    work.fail(transaction_.failed(work.step(), last_statement_, was_open_, open, *work.failed()));
}

outcome session_in_use::if_session_ends(const client_request* work, bool transaction_open) const {
  // A transaction that is being committed may have taken effect.
  if (work != nullptr && (work->step() == pool::session_step::commit || (!work->failed() && work->may_be_committing())))
    return outcome::rejected;
  return transaction_.if_session_ends(transaction_open);
}

// -- time --------------------------------------------------------------------------

void session_in_use::await_first_use(time_point now) {
  auto limit = terms_.unclaimed_timeout;
  first_use_until_ = limit > limit.zero() ? later(now, limit) : time_point::max();
}

std::optional<std::chrono::nanoseconds> session_in_use::leak(time_point now) {
  auto held = now - since_;
  if (warned_ || terms_.leak_warning <= terms_.leak_warning.zero() || held < terms_.leak_warning)
    return std::nullopt;
  warned_ = true;
  return held;
}

} // namespace cenote
