#include "actors/connection_state.hpp"

#include "actors/classification.hpp"
#include "actors/liveness.hpp"
#include "actors/log.hpp"
#include "cenote/error.hpp"
#include "pool/retry_rules.hpp"
#include "pool/sql_rules.hpp"
#include "types/time.hpp"

#include <algorithm>
#include <utility>

namespace cenote {

namespace {

/// The most bytes of statements under way at a time: far less than a socket takes, because a server that cannot get rid
/// of its answers reads no more statements. A larger statement goes alone.
constexpr size_t max_bytes_sent = 32u << 10;

/// How long a superseded statement, one that was requeued and runs elsewhere, may run at least before it is stopped.
/// Most are done sooner than they could be stopped, and each stop keeps a connection from its work for two round trips.
constexpr std::chrono::nanoseconds min_superseded_time = std::chrono::milliseconds{50};

/// "Query execution was interrupted": a statement was stopped.
constexpr uint32_t interrupted = 1317;

} // namespace

// -- sending ---------------------------------------------------------------------

void connection_state::share(grant& what) {
  auto check = what.check;
  unsent.push_back({std::move(what), self->make_response_promise()});
  unsent.back().bytes = pool::size_of(unsent.back().text());
  if (doing == activity::gone) {
    hand_back_unsent("the connection has just been lost");
  } else if (doing == activity::sharing) {
    send_unsent();
  } else if (doing == activity::idle) {
    if (check != liveness_check::none && !db->alive()) {
      hand_back("the server had closed the connection");
    } else if (db->lacks_database() || check == liveness_check::ping) {
      start_check(unsent.front().grant);
    } else {
      begin_sharing();
    }
  }
  // The time of those that cannot be sent at once is kept as well, whatever the connection does.
  if (!unsent.empty())
    limit_shared(std::min(unsent.back().grant.deadline, unsent.back().grant.check_until));
}

void connection_state::begin_sharing() {
  doing = activity::sharing;
  is_stopping_first = false;
  expire_shared(); // Also sets the timer anew.
  send_unsent();
  if (sent.empty()) // All were refused.
    sharing_done();
}

/// Whether a statement may have left something behind that those after it must not find.
bool connection_state::is_changed() const {
  return db->in_transaction() || db->is_touched();
}

/// Adds what can be sent now to what is sent next.
void connection_state::send_unsent() {
  while (!unsent.empty() && doing == activity::sharing && !last_report && db->can_send() && !is_changed()
         && (sent.empty() || sent_bytes + unsent.front().bytes <= max_bytes_sent)) {
    auto& next = unsent.front();
    if (is_late(next.grant)) {
      expire_shared();
      continue;
    }
    if (auto wrong = db->send(next.text())) {
      answer(next, classify(*wrong, next.text(), db->is_mariadb()).failure);
      ++ended;
    } else {
      limit_shared(next.grant.deadline);
      if (sent.empty())
        turn_began = self->clock().now();
      sent_bytes += next.bytes;
      sent.push_back(std::move(next));
    }
    unsent.pop_front();
  }
}

/// After all messages of a turn: what they have led to is sent at once.
void connection_state::end_turn() {
  if (sent.empty() || !db)
    return;
  db->flush();
  drive_shared(db->next());
}

// -- answers ---------------------------------------------------------------------

/// Takes the answers that have come, and sends more meanwhile.
void connection_state::drive_shared(db::progress x) {
  size_t answers = 0;
  for (; x == db::progress::done; ++answers) {
    first_done();
    send_unsent();
    if (sent.empty())
      break;
    db->flush();
    x = db->next();
  }
  if (doing == activity::gone)
    return;
  if (answers > 0) {
    auto now = self->clock().now();
    turns.add(now - turn_began, answers);
    turn_began = now;
  }
  expect_answers(sent.size());
  if (sent.empty()) {
    watch->want(true, false);
    sharing_done();
    return;
  }
  watch->want(x != db::progress::want_write, x != db::progress::want_read);
  report_progress();
  stop_if_cancelled();
}

/// The answer to the first statement has come.
void connection_state::first_done() {
  auto outcome = db->take();
  auto x = std::move(sent.front());
  sent.pop_front();
  sent_bytes -= x.bytes;
  is_stopping_first = false;
  if (!sent.empty() && !sent.front().wanted) {
    first_began = self->clock().now();
    limit_shared(later(first_began, max_superseded_time()));
  }
  if (outcome) {
    note_success();
    count_end(x);
    if (x.wanted)
      x.promise.deliver(std::move(*outcome));
    return;
  }
  auto& error = outcome.error();
  if (doing == activity::stopping && error.number == interrupted && x.wanted) {
    // The stop was meant for the one before it.
    x.grant.in_doubt = x.text().kind != statement_kind::read;
    unsent.push_front(std::move(x));
    return;
  }
  note_error(error, x.grant.user);
  auto classified = classify(error, x.text(), db->is_mariadb());
  if (!db->usable() && ended + requeued > 0)
    report(disposition::reusable); // What ended before the loss did not end by it.
  if (!db->usable() && db->unsent() > sent.size()) {
    unsent.push_front(std::move(x));
  } else {
    answer(x, classified.failure);
    count_end(x);
  }
  if (error.source == db::error_source::result_too_large)
    lose_shared(disposition::broken, own_failure(errc::connection_lost, outcome::unknown,
                                                 "the result of another statement on its connection was too large"));
  else if (!db->usable())
    lose_shared(disposition::lost, classified.failure);
  else if (classified.connection != disposition::reusable && !last_report)
    last_report = released{classified.connection, classified.failure.text, 0};
}

/// Everything that was sent has been answered.
void connection_state::sharing_done() {
  if (doing == activity::stopping) {
    is_over = true;
    stopped();
  } else if (last_report) {
    release(last_report->disposition, last_report->reason);
  } else if (unsent.empty() && !is_changed()) {
    // The timer stays: to set it anew for each statement would cost more than one that rings in vain.
    doing = activity::idle;
    report_free();
  } else {
    settle(); // They left a transaction open, or called a routine that changed the session.
  }
}

void connection_state::answer(shared_work& x, failure why) {
  if (!std::exchange(x.wanted, false))
    return;
  why.attempts = x.grant.attempts;
  why.waited = x.grant.waited;
  if (x.grant.in_doubt)
    why = pool::after_doubt(std::move(why));
  x.promise.deliver(make_error(std::move(why)));
}

// -- slow statements, and those that nobody needs any more -------------------------

/// Those that have not begun may run elsewhere. A read does no harm if it runs here as well, later; a write would undo
/// what others have written meanwhile.
void connection_state::requeue() {
  // The ping before use is made for the first one.
  size_t stay = doing == activity::checking ? 1 : 0;
  // Last first: each goes to the head of the queue.
  for (; unsent.size() > stay; unsent.pop_back(), ++requeued)
    requeue(unsent.back());
  if (!sent.empty())
    for (auto i = sent.rbegin(); i != std::prev(sent.rend()); ++i)
      if (i->wanted && i->text().kind == statement_kind::read)
        requeue(*i);
  report_progress();
}

void connection_state::requeue(shared_work& x) {
  x.wanted = false;
  x.requeued = true;
  // A copy stays: its kind is still asked for.
  x.promise.delegate(context.pool, requeued_atom_v, context.id, x.grant);
}

/// Tells the pool what has left the connection. While nobody uses it and it is busy with itself, what has ended is told
/// later: the pool would take it for free.
void connection_state::report_progress() {
  auto kept = sent.empty() && unsent.empty() ? std::exchange(ended, 0) : 0;
  if (ended + requeued > 0)
    report(disposition::reusable);
  ended += kept;
}

/// A statement has left the connection by its own end, unless it runs elsewhere.
void connection_state::count_end(const shared_work& x) {
  ++(x.requeued ? requeued : ended);
}

std::chrono::nanoseconds connection_state::max_superseded_time() const {
  return std::max(min_superseded_time, turns.slow());
}

void connection_state::limit_shared(caf::actor_clock::time_point limit) {
  if (limit < timer_at)
    set_timer(limit);
}

/// Answers those whose time is up, and sets the timer for the others.
void connection_state::expire_shared() {
  auto now = self->clock().now();
  auto next = caf::actor_clock::time_point::max();
  auto expire = [&](shared_work& x, outcome what, const char* done) {
    if (!x.wanted)
      return;
    if (x.grant.deadline > now) {
      next = std::min(next, x.grant.deadline);
      return;
    }
    answer(x, own_failure(errc::statement_timeout, what, done + seconds(x.text().timeout)));
    x.cancelled = true;
  };
  for (auto& x : sent)
    expire(x, outcome::unknown, "stopped after its time limit of ");
  if (!sent.empty() && !sent.front().wanted && !sent.front().cancelled) {
    auto stop_at = std::max(later(first_began, max_superseded_time()), stop_again_at);
    if (stop_at <= now)
      sent.front().cancelled = true;
    else
      next = std::min(next, stop_at);
  }
  for (auto& x : unsent)
    expire(x, outcome::not_sent, "not sent within its time limit of ");
  ended += static_cast<uint32_t>(std::erase_if(unsent, [](auto& x) { return x.cancelled; }));
  requeue_late(now, next);
  limit_shared(next);
  report_progress();
}

/// Those that should have begun by now wait in the pool's queue again, which tells them so.
/// @param next is set to when the next one should have, if that is earlier.
void connection_state::requeue_late(caf::actor_clock::time_point now, caf::actor_clock::time_point& next) {
  for (auto i = unsent.rbegin(); i != unsent.rend(); ++i) {
    if (i->grant.check_until > now) {
      next = std::min(next, i->grant.check_until);
    } else {
      requeue(*i);
      ++requeued;
    }
  }
  std::erase_if(unsent, [](auto& x) { return !x.wanted; });
}

/// The first statement has been running for a while.
void connection_state::check_shared_callers() {
  auto now = self->clock().now();
  for (auto& x : sent) {
    if (x.wanted && has_ended(x.grant.user)) {
      x.promise.deliver(caller_has_ended(outcome::unknown));
      x.wanted = false;
      x.cancelled = true;
    } else if (&x != &sent.front() && x.grant.check_until <= now) {
      answer(x, own_failure(errc::statement_timeout, outcome::unknown,
                            "it was sent behind a statement that takes longer than the pool's timeout"));
      x.cancelled = true;
    }
  }
  ended += static_cast<uint32_t>(std::erase_if(unsent, [](auto& x) {
    if (!has_ended(x.grant.user))
      return false;
    x.promise.deliver(caller_has_ended(outcome::unknown));
    return true;
  }));
  expire_shared();
  stop_if_cancelled();
}

/// Stops the first statement if nobody needs it.
void connection_state::stop_if_cancelled() {
  auto may_stop = doing == activity::sharing || (doing == activity::stopping && stop_confirmed);
  if (!may_stop || sent.empty() || !sent.front().cancelled || is_stopping_first)
    return;
  log().debug("connection {}: nobody needs the result of a statement any more, stopping it",
              static_cast<uint64_t>(context.id));
  stop_on_server();
}

// -- losses ----------------------------------------------------------------------

/// The connection is of no use any more: answers what was sent, and hands back what was not. If cenote gave it up
/// itself, those that only read get another one.
/// @param why what is known about a statement that was sent.
void connection_state::lose_shared(disposition what, const failure& why) {
  for (auto n = std::min(db->unsent(), sent.size()); n > 0; --n) {
    if (sent.back().wanted)
      unsent.push_front(std::move(sent.back()));
    else
      count_end(sent.back());
    sent.pop_back();
  }
  for (; !sent.empty(); sent.pop_back()) {
    auto& x = sent.back();
    if (what == disposition::broken && x.wanted && x.text().kind == statement_kind::read) {
      unsent.push_front(std::move(x));
    } else {
      answer(x, why);
      count_end(x);
    }
  }
  release(what, why.text);
}

void connection_state::hand_back_unsent(const std::string& reason) {
  // Last first: each goes to the head of the queue.
  for (; !unsent.empty(); unsent.pop_back()) {
    auto& x = unsent.back();
    x.promise.delegate(context.pool, returned_atom_v, context.id, std::move(x.grant), reason);
  }
}

} // namespace cenote
