#include "connection/shared_statements.hpp"

#include "connection/classification.hpp"
#include "connection/seconds.hpp"
#include "pool/sql_rules.hpp"
#include "types/time.hpp"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <utility>

namespace cenote {

namespace {

/// The most bytes of statements in flight at a time: far less than a socket takes, because a server that cannot send
/// its answers reads no more statements. A larger statement is sent alone.
constexpr size_t max_bytes_sent = 32u << 10;

/// Minimum time that a superseded statement may run. Most are done before they could be stopped, and each stop keeps a
/// connection from its work for two round trips.
constexpr std::chrono::nanoseconds min_superseded_time = std::chrono::milliseconds{50};

bool is_among(std::span<const ticket> tickets, ticket one) {
  return std::ranges::find(tickets, one) != tickets.end();
}

} // namespace

// -- sending ---------------------------------------------------------------------

void shared_statements::add(ticket answer_to, grant&& granted) {
  if (spare_.empty())
    spare_.emplace_back();
  auto& added = spare_.front();
  waiting_.splice(waiting_.end(), spare_, spare_.begin());
  added.answer_to = answer_to;
  added.granted = std::move(granted);
  added.bytes = pool::size_of(added.text());
}

void shared_statements::watch_last_waiting() {
  if (!waiting_.empty())
    watch(std::min(waiting_.back().granted.request.deadline, waiting_.back().granted.latest_start));
}

void shared_statements::send(db::server_link& link, time_point now) {
  while (!waiting_.empty() && link.can_send()
         && (sent_.empty() || sent_bytes_ + waiting_.front().bytes <= max_bytes_sent)) {
    auto& next = waiting_.front();
    if (next.granted.request.deadline <= now) {
      expire(now);
      continue;
    }
    if (auto problem = link.send(next.text())) {
      answer(next, classify(*problem, next.text(), link.is_mariadb()).failure);
      ++out_.ended;
      waiting_.pop_front();
      continue;
    }
    watch(next.granted.request.deadline);
    if (sent_.empty())
      turn_began_ = now;
    sent_bytes_ += next.bytes;
    sent_.splice(sent_.end(), waiting_, waiting_.begin());
  }
}

// -- answers ---------------------------------------------------------------------

std::optional<shared_statements::loss> shared_statements::finish_first(db::server_link& link, reuse_rules& reuse,
                                                                       time_point now) {
  auto answered = link.take();
  auto taken = take_first(now);
  auto& first = taken.front();
  if (answered) {
    reuse.request_succeeded();
    count_end(first);
    if (first.wanted)
      out_.add(connection_command::answer{first.answer_to, std::move(*answered)});
    recycle(taken);
    return std::nullopt;
  }
  auto& error = answered.error();
  if (first.maybe_hit && error.number == pool::query_interrupted && first.wanted) {
    // The stop was meant for the statement before it.
    first.granted.request.maybe_executed |= first.text().kind != statement_kind::read;
    put_back(taken, taken.begin());
    return std::nullopt;
  }
  if (error.source == db::error_source::not_prepared) { // It has not run.
    if (first.wanted)
      put_back(taken, taken.begin());
    else
      count_end(first);
    return std::nullopt;
  }
  reuse.request_failed(error, first.granted.caller);
  auto meaning = classify(error, first.text(), link.is_mariadb());
  if (!link.usable() && out_.ended + out_.requeued > 0)
    out_.report(disposition::reusable); // These ended before the loss, not by it.
  if (!link.usable() && link.unsent() > answers_due() && first.wanted) {
    put_back(taken, taken.begin());
  } else {
    answer(first, meaning.failure);
    count_end(first);
  }
  if (error.source == db::error_source::result_too_large)
    return loss{disposition::broken, own_failure(errc::connection_lost, outcome::unknown,
                                                 "the result of another statement on its connection was too large")};
  if (!link.usable())
    return loss{disposition::lost, std::move(meaning.failure)};
  if (meaning.connection != disposition::reusable && !reuse.retired())
    reuse.retire({meaning.connection, meaning.failure.text});
  return std::nullopt;
}

/// The first statement sent, alone.
shared_statements::statements shared_statements::take_first(time_point now) {
  assert(!sent_.empty());
  statements first;
  first.splice(first.begin(), sent_, sent_.begin());
  sent_bytes_ -= first.front().bytes;
  if (!sent_.empty() && !sent_.front().wanted) {
    first_began_ = now;
    watch(later(now, max_superseded_time()));
  }
  return first;
}

/// Queues a statement to be sent again, before the others.
void shared_statements::put_back(statements& from, statements::iterator resent) {
  resent->maybe_hit = false;
  waiting_.splice(waiting_.begin(), from, resent);
}

void shared_statements::count_answers(size_t count, time_point now) {
  if (count == 0)
    return;
  turn_time_.add(now - turn_began_, count);
  turn_began_ = now;
}

/// Answers a statement that has left the connection, or is about to, unless it has been answered.
void shared_statements::answer(shared_statement& leaving, failure reason) {
  if (!std::exchange(leaving.wanted, false))
    return;
  out_.add(connection_command::answer{leaving.answer_to, of_request(std::move(reason), leaving.granted)});
}

/// Counts a statement that has left the connection: by its own end, unless it was requeued.
void shared_statements::count_end(const shared_statement& leaving) {
  ++(leaving.requeued ? out_.requeued : out_.ended);
}

/// Keeps the memory of a statement that has left, for another.
void shared_statements::recycle(statements& gone) {
  gone.front() = {};
  spare_.splice(spare_.end(), gone);
}

// -- time, and superseded statements -----------------------------------------------

std::chrono::nanoseconds shared_statements::max_superseded_time() const {
  return std::max(min_superseded_time, turn_time_.slow());
}

void shared_statements::expire(time_point now) {
  due_ = time_point::max();
  auto expire_one = [&](shared_statement& candidate, outcome effect, const char* text) {
    if (!candidate.wanted)
      return;
    if (candidate.granted.request.deadline > now) {
      watch(candidate.granted.request.deadline);
      return;
    }
    answer(candidate, own_failure(errc::statement_timeout, effect, text + seconds(candidate.text().timeout)));
    candidate.cancelled = true;
  };
  for (auto& each : sent_)
    expire_one(each, outcome::unknown, "stopped after its time limit of ");
  if (!sent_.empty() && !sent_.front().wanted && !sent_.front().cancelled) {
    auto stop_at = std::max(later(first_began_, max_superseded_time()), stop_not_before_);
    if (stop_at <= now)
      sent_.front().cancelled = true;
    else
      watch(stop_at);
  }
  for (auto& each : waiting_)
    expire_one(each, outcome::not_sent, "not sent within its time limit of ");
  out_.ended += static_cast<uint32_t>(std::erase_if(waiting_, [](auto& each) { return each.cancelled; }));
  requeue_late(now);
  report_progress();
}

/// Statements that should have begun by now return to the pool's queue, which answers them.
void shared_statements::requeue_late(time_point now) {
  // Last first: each goes to the head of the queue.
  for (auto i = waiting_.rbegin(); i != waiting_.rend(); ++i) {
    if (i->granted.latest_start > now) {
      watch(i->granted.latest_start);
    } else {
      requeue_one(*i);
      ++out_.requeued;
    }
  }
  std::erase_if(waiting_, [](auto& each) { return each.requeued; });
}

void shared_statements::stop_made() {
  for (auto& each : sent_)
    each.maybe_hit = true;
}

void shared_statements::stop_again_at(time_point earliest) {
  assert(!sent_.empty());
  stop_not_before_ = earliest;
  sent_.front().cancelled = false;
}

void shared_statements::requeue(bool keep_first) {
  // Last first: each goes to the head of the queue.
  for (size_t stay = keep_first ? 1 : 0; waiting_.size() > stay; waiting_.pop_back(), ++out_.requeued)
    requeue_one(waiting_.back());
  if (!sent_.empty())
    for (auto i = sent_.rbegin(); i != std::prev(sent_.rend()); ++i)
      if (i->wanted && i->text().kind == statement_kind::read)
        requeue_one(*i);
  report_progress();
}

void shared_statements::requeue_one(shared_statement& moved) {
  moved.wanted = false;
  moved.requeued = true;
  // A copy stays: its kind is still needed.
  out_.add(connection_command::requeue_grant{moved.answer_to, moved.granted});
}

void shared_statements::check_callers(std::span<const ticket> ended, time_point now) {
  for (auto& each : sent_) {
    if (!each.wanted)
      continue;
    if (is_among(ended, each.answer_to)) {
      out_.add(connection_command::answer{each.answer_to, caller_has_ended(outcome::unknown)});
      each.wanted = false;
      each.cancelled = true;
    } else if (&each != &sent_.front() && each.granted.latest_start <= now) {
      answer(each, own_failure(errc::statement_timeout, outcome::unknown,
                               "it was sent behind a statement that takes longer than the pool's timeout"));
      each.cancelled = true;
    }
  }
  out_.ended += static_cast<uint32_t>(std::erase_if(waiting_, [&](auto& each) {
    if (!is_among(ended, each.answer_to))
      return false;
    out_.add(connection_command::answer{each.answer_to, caller_has_ended(outcome::unknown)});
    return true;
  }));
  expire(now);
}

void shared_statements::report_progress() {
  if ((under_way() || waiting()) && out_.ended + out_.requeued > 0)
    out_.report(disposition::reusable);
}

// -- losses ----------------------------------------------------------------------

void shared_statements::lose(size_t unsent, bool reads_again, const failure& reason) {
  for (auto count = std::min(unsent, sent_.size()); count > 0; --count) {
    auto last = std::prev(sent_.end());
    if (last->wanted) {
      put_back(sent_, last);
    } else {
      count_end(*last);
      sent_.erase(last);
    }
  }
  while (!sent_.empty()) {
    auto last = std::prev(sent_.end());
    if (reads_again && last->wanted && last->text().kind == statement_kind::read) {
      put_back(sent_, last);
    } else {
      answer(*last, reason);
      count_end(*last);
      sent_.erase(last);
    }
  }
  sent_bytes_ = 0;
}

void shared_statements::fail(const failure& of_sent, const failure& of_waiting) {
  for (auto& each : std::exchange(sent_, {}))
    answer(each, of_sent);
  for (auto& each : std::exchange(waiting_, {}))
    answer(each, of_waiting);
  sent_bytes_ = 0;
}

void shared_statements::return_waiting(const std::string& reason) {
  // Last first: each goes to the head of the queue.
  for (; !waiting_.empty(); waiting_.pop_back())
    out_.add(connection_command::return_grant{waiting_.back().answer_to, std::move(waiting_.back().granted), reason});
}

} // namespace cenote
