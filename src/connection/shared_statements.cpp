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

/// The most bytes of statements under way at a time: far less than a socket takes, because a server that cannot get rid
/// of its answers reads no more statements. A larger statement goes alone.
constexpr size_t max_bytes_sent = 32u << 10;

/// How long a superseded statement may run at least. Most are done sooner than they could be stopped, and each stop
/// keeps a connection from its work for two round trips.
constexpr std::chrono::nanoseconds min_superseded_time = std::chrono::milliseconds{50};

bool is_among(std::span<const ticket> all, ticket x) {
  return std::ranges::find(all, x) != all.end();
}

} // namespace

// -- sending ---------------------------------------------------------------------

void shared_statements::add(ticket answer_to, grant what) {
  auto& x = waiting_.emplace_back(shared_statement{answer_to, std::move(what)});
  x.bytes = pool::size_of(x.text());
}

void shared_statements::watch_last_waiting() {
  if (!waiting_.empty())
    watch(std::min(waiting_.back().what.request.deadline, waiting_.back().what.latest_start));
}

void shared_statements::send(db::server_link& link, time_point now) {
  while (!waiting_.empty() && link.can_send()
         && (sent_.empty() || sent_bytes_ + waiting_.front().bytes <= max_bytes_sent)) {
    auto& next = waiting_.front();
    if (next.what.request.deadline <= now) {
      expire(now);
      continue;
    }
    if (auto problem = link.send(next.text())) {
      answer(next, classify(*problem, next.text(), link.is_mariadb()).failure);
      ++out_.ended;
    } else {
      watch(next.what.request.deadline);
      if (sent_.empty())
        turn_began_ = now;
      sent_bytes_ += next.bytes;
      sent_.push_back(std::move(next));
    }
    waiting_.pop_front();
  }
}

// -- answers ---------------------------------------------------------------------

std::optional<shared_statements::loss> shared_statements::finish_first(db::server_link& link, reuse_rules& reuse,
                                                                       time_point now) {
  auto answered = link.take();
  auto first = take_first(now);
  if (answered) {
    reuse.request_succeeded();
    count_end(first);
    if (first.wanted)
      out_.add(connection_command::answer{first.answer_to, std::move(*answered)});
    return std::nullopt;
  }
  auto& error = answered.error();
  if (first.maybe_hit && error.number == pool::query_interrupted && first.wanted) {
    // The stop was meant for the one before it.
    first.what.request.maybe_executed |= first.text().kind != statement_kind::read;
    put_back(std::move(first));
    return std::nullopt;
  }
  reuse.request_failed(error, first.what.caller);
  auto meaning = classify(error, first.text(), link.is_mariadb());
  if (!link.usable() && out_.ended + out_.requeued > 0)
    out_.report(disposition::reusable); // What ended before the loss did not end by it.
  if (!link.usable() && link.unsent() > answers_due() && first.wanted) {
    put_back(std::move(first));
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

shared_statement shared_statements::take_first(time_point now) {
  assert(!sent_.empty());
  auto x = std::move(sent_.front());
  sent_.pop_front();
  sent_bytes_ -= x.bytes;
  if (!sent_.empty() && !sent_.front().wanted) {
    first_began_ = now;
    watch(later(now, max_superseded_time()));
  }
  return x;
}

/// It is to be sent again, before the others.
void shared_statements::put_back(shared_statement x) {
  x.maybe_hit = false;
  waiting_.push_front(std::move(x));
}

void shared_statements::count_answers(size_t count, time_point now) {
  if (count == 0)
    return;
  turn_time_.add(now - turn_began_, count);
  turn_began_ = now;
}

/// Answers a statement that has left the connection, or is about to, unless it was answered before.
void shared_statements::answer(shared_statement& x, failure why) {
  if (!std::exchange(x.wanted, false))
    return;
  out_.add(connection_command::answer{x.answer_to, of_request(std::move(why), x.what)});
}

/// Counts a statement that has left the connection: by its own end, unless it was requeued.
void shared_statements::count_end(const shared_statement& x) {
  ++(x.requeued ? out_.requeued : out_.ended);
}

// -- time, and what nobody needs any more ------------------------------------------

std::chrono::nanoseconds shared_statements::max_superseded_time() const {
  return std::max(min_superseded_time, turn_time_.slow());
}

void shared_statements::expire(time_point now) {
  due_ = time_point::max();
  auto expire_one = [&](shared_statement& x, outcome what, const char* done) {
    if (!x.wanted)
      return;
    if (x.what.request.deadline > now) {
      watch(x.what.request.deadline);
      return;
    }
    answer(x, own_failure(errc::statement_timeout, what, done + seconds(x.text().timeout)));
    x.cancelled = true;
  };
  for (auto& x : sent_)
    expire_one(x, outcome::unknown, "stopped after its time limit of ");
  if (!sent_.empty() && !sent_.front().wanted && !sent_.front().cancelled) {
    auto stop_at = std::max(later(first_began_, max_superseded_time()), stop_not_before_);
    if (stop_at <= now)
      sent_.front().cancelled = true;
    else
      watch(stop_at);
  }
  for (auto& x : waiting_)
    expire_one(x, outcome::not_sent, "not sent within its time limit of ");
  out_.ended += static_cast<uint32_t>(std::erase_if(waiting_, [](auto& x) { return x.cancelled; }));
  requeue_late(now);
  report_progress();
}

/// Those that should have begun by now wait in the pool's queue again, which tells them so.
void shared_statements::requeue_late(time_point now) {
  // Last first: each goes to the head of the queue.
  for (auto i = waiting_.rbegin(); i != waiting_.rend(); ++i) {
    if (i->what.latest_start > now) {
      watch(i->what.latest_start);
    } else {
      requeue_one(*i);
      ++out_.requeued;
    }
  }
  std::erase_if(waiting_, [](auto& x) { return x.requeued; });
}

void shared_statements::stop_made() {
  for (auto& x : sent_)
    x.maybe_hit = true;
}

void shared_statements::stop_again_at(time_point when) {
  assert(!sent_.empty());
  stop_not_before_ = when;
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

void shared_statements::requeue_one(shared_statement& x) {
  x.wanted = false;
  x.requeued = true;
  // A copy stays: its kind is still asked for.
  out_.add(connection_command::requeue_grant{x.answer_to, x.what});
}

void shared_statements::check_callers(std::span<const ticket> ended, time_point now) {
  for (auto& x : sent_) {
    if (!x.wanted)
      continue;
    if (is_among(ended, x.answer_to)) {
      out_.add(connection_command::answer{x.answer_to, caller_has_ended(outcome::unknown)});
      x.wanted = false;
      x.cancelled = true;
    } else if (&x != &sent_.front() && x.what.latest_start <= now) {
      answer(x, own_failure(errc::statement_timeout, outcome::unknown,
                            "it was sent behind a statement that takes longer than the pool's timeout"));
      x.cancelled = true;
    }
  }
  out_.ended += static_cast<uint32_t>(std::erase_if(waiting_, [&](auto& x) {
    if (!is_among(ended, x.answer_to))
      return false;
    out_.add(connection_command::answer{x.answer_to, caller_has_ended(outcome::unknown)});
    return true;
  }));
  expire(now);
}

void shared_statements::report_progress() {
  if ((under_way() || waiting()) && out_.ended + out_.requeued > 0)
    out_.report(disposition::reusable);
}

// -- losses ----------------------------------------------------------------------

void shared_statements::lose(size_t unsent, bool reads_again, const failure& why) {
  for (auto n = std::min(unsent, sent_.size()); n > 0; --n) {
    if (sent_.back().wanted)
      put_back(std::move(sent_.back()));
    else
      count_end(sent_.back());
    sent_.pop_back();
  }
  for (; !sent_.empty(); sent_.pop_back()) {
    auto& x = sent_.back();
    if (reads_again && x.wanted && x.text().kind == statement_kind::read) {
      put_back(std::move(x));
    } else {
      answer(x, why);
      count_end(x);
    }
  }
  sent_bytes_ = 0;
}

void shared_statements::fail(const failure& of_sent, const failure& of_waiting) {
  for (auto& x : std::exchange(sent_, {}))
    answer(x, of_sent);
  for (auto& x : std::exchange(waiting_, {}))
    answer(x, of_waiting);
  sent_bytes_ = 0;
}

void shared_statements::return_waiting(const std::string& reason) {
  // Last first: each goes to the head of the queue.
  for (; !waiting_.empty(); waiting_.pop_back())
    out_.add(connection_command::return_grant{waiting_.back().answer_to, std::move(waiting_.back().what), reason});
}

} // namespace cenote
