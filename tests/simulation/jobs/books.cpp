#include "simulation/jobs/books.hpp"

#include "jobs/claim_limits.hpp"
#include "jobs/periodic.hpp"
#include "jobs/rate_limit.hpp"

#include <algorithm>

namespace cenote::job_simulation {

using namespace std::chrono_literals;

std::string name_of(job_no id) {
  return "job " + std::to_string(static_cast<uint32_t>(id));
}

void books::acknowledged(job_no asked, job_no holder) {
  auto found = facts_.find(holder);
  if (found == facts_.end() || !found->second.is_stored) {
    object(name_of(holder) + " was acknowledged, but is not stored");
    return;
  }
  if (asked == holder)
    found->second.is_acknowledged = true;
}

void books::cancel_acknowledged(job_no id) {
  auto& known = facts_[id];
  known.is_cancel_acknowledged = true;
  if (!known.was_cancelled)
    object(name_of(id) + " is told to be cancelled, but was not");
}

void books::inserted(const job_row& row) {
  auto& known = facts_[row.terms.id];
  if (known.is_stored)
    object(name_of(row.terms.id) + " is stored twice");
  known.is_stored = true;
  known.batch = row.batch;
  ++open_;
  ++tally_.jobs;
  step(row.terms.id, "is stored");
}

void books::taken(const job_row& row) {
  auto& known = facts_[row.terms.id];
  ++tally_.count;
  ++known.attempts_that_count;
  step(row.terms.id, "attempt " + std::to_string(row.attempt) + " is taken by node name "
                         + std::to_string(static_cast<uint32_t>(row.node)));
  if (known.end)
    object(name_of(row.terms.id) + " is begun though it has ended");
  if (row.attempt != known.last_attempt + 1)
    object(name_of(row.terms.id) + " is begun with an attempt's number that is not the next one");
  known.last_attempt = row.attempt;
  if (row.attempt > row.max_attempts || (!known.was_rerun && known.attempts_that_count > row.terms.max_attempts))
    object(name_of(row.terms.id) + " is begun more often than it may be");
  if (row.run_at > row.started_at)
    object(name_of(row.terms.id) + " is begun before its time");
}

void books::taken_within(const limit_row& limit, uint64_t running, uint64_t taken, server_micros at) {
  auto whose = [&] { return name_of_queue(limit.queue) + (limit.kind.empty() ? "" : ", " + limit.kind); };
  if (limit.max_running > 0 && running > limit.max_running)
    object("more jobs run than the limit allows: " + std::to_string(running) + " of " + whose());
  if (limit.per_second <= 0)
    return;
  auto& starts = begun_[{limit.queue, limit.kind}];
  starts.push_back({at, taken});
  // Any span of time may see a burst, and what the rate gives meanwhile.
  auto exact = 1e6 / limit.per_second;
  uint64_t sum = 0;
  for (auto i = starts.rbegin(); i != starts.rend(); ++i) {
    sum += i->count;
    if (static_cast<double>(sum) > jobs::rate_burst + static_cast<double>(at - i->at) / exact + 1e-6) {
      object("more jobs begin than the rate allows: " + std::to_string(sum) + " within "
             + std::to_string((at - i->at) / 1000) + " ms of " + whose());
      break;
    }
  }
}

void books::limits_changed(size_t queue) {
  std::erase_if(begun_, [queue](auto& entry) { return entry.first.first == queue; });
}

void books::effect(const attempt_key& key) {
  auto& known = facts_[key.id];
  step(key.id, "attempt " + std::to_string(key.attempt) + " takes effect");
  if (++known.effects > 1)
    object(name_of(key.id) + " takes effect twice");
  if (known.end)
    object(name_of(key.id) + " takes effect after its end");
  if (key.attempt != known.last_attempt)
    object(name_of(key.id) + " takes effect by an attempt that does not count any more");
}

void books::ended(const job_row& row, const std::string& reason) {
  auto& known = facts_[row.terms.id];
  if (known.end)
    object(name_of(row.terms.id) + " ends twice");
  known.end = row.state;
  if (row.state == job_state::cancelled)
    known.was_cancelled = true;
  else
    known.ended_attempts.insert(row.attempt);
  --open_;
  auto name = row.state == job_state::done ? "done" : row.state == job_state::discarded ? "discarded" : "cancelled";
  ++tally_.ends[name];
  step(row.terms.id, name + (": " + reason));
  if (row.state == job_state::discarded && reason.starts_with("attempt ") && row.attempt < row.max_attempts)
    object(name_of(row.terms.id) + " is discarded though attempts are left");
}

void books::put_off(const job_row& before, const jobs::attempt_end& how) {
  auto& known = facts_[before.terms.id];
  known.ended_attempts.insert(before.attempt);
  if (how.verdict == job_verdict::snooze)
    --known.attempts_that_count;
  step(before.terms.id, "comes back in " + std::to_string(how.pause / 1ms) + " ms: " + how.reason);
  ++tally_.ends[how.verdict == job_verdict::snooze ? "snoozed" : "tried again"];
  if (how.pause < 0ns || how.pause > 10s)
    object(name_of(before.terms.id) + " is put off for longer than anybody asked for");
  if (how.verdict == job_verdict::retry && !how.reason.starts_with("after a pause")) {
    auto usual = std::min(before.terms.backoff.longest, before.terms.backoff.first * (1u << (before.attempt - 1)));
    if (how.pause < usual * 3 / 4 - 1ns || how.pause > std::min(usual * 5 / 4 + 1ns, before.terms.backoff.longest))
      object(name_of(before.terms.id) + " is tried again after a pause that is not its backoff");
  }
}

void books::given_to_others(const abandoned_job& found) {
  step(found.key.id, "is taken from node name " + std::to_string(static_cast<uint32_t>(found.node)));
  if (on_given_to_others)
    on_given_to_others(found);
}

void books::overtaken(job_no id) {
  object(name_of(id) + " is overtaken for a long time though it is due");
}

void books::gave_back(const job_row& row) {
  --facts_[row.terms.id].attempts_that_count;
  step(row.terms.id, "is given back");
}

void books::reran(const job_row& row) {
  auto& known = facts_[row.terms.id];
  known.was_rerun = true;
  if (known.end) {
    known.end.reset();
    known.batch = {};
    ++open_;
  }
  step(row.terms.id, "is to be done again");
}

void books::removed(const job_row& row, duration keep, server_micros now) {
  step(row.terms.id, "is removed");
  if (!facts_[row.terms.id].end)
    object(name_of(row.terms.id) + " is removed, but has not ended");
  if (row.ended_at + keep / 1us > now)
    object(name_of(row.terms.id) + " is removed too early");
}

void books::released(job_no follower, size_t open_jobs) {
  step(follower, "follows");
  if (open_jobs > 0)
    object(name_of(follower) + " follows its batch too early");
}

size_t books::open_in_batch(job_no follower) const {
  size_t count = 0;
  for (auto& [id, known] : facts_)
    count += known.batch == follower && known.is_stored && !known.end;
  return count;
}

void books::fired(const due_periodic_job& found, const std::vector<job_terms>& works, server_micros next) {
  auto& row = found.row;
  auto interval = static_cast<server_micros>(row.interval / 1us);
  std::vector<server_micros> past;
  std::vector<server_micros> expected;
  constexpr server_micros late = 60'000'000;
  for (auto at = row.next_at; at <= found.now; at = (at / interval + 1) * interval)
    (at < found.now - late ? past : expected).push_back(at);
  if (row.missed == missed_times::run_all)
    expected.insert(expected.begin(), past.begin(), past.end());
  else if (row.missed == missed_times::run_once && expected.empty() && !past.empty())
    expected.push_back(past.back());
  std::vector<server_micros> submitted;
  for (auto& work : works)
    submitted.push_back(work.run_at.value_or(0));
  auto subject = "periodic job " + std::to_string(row.number);
  log_.step(subject, "fires " + std::to_string(submitted.size()) + " times");
  if (submitted != expected)
    object(subject + " does not fire as set: " + std::to_string(submitted.size()) + " instead of "
           + std::to_string(expected.size()) + " times");
  if (next != (found.now / interval + 1) * interval)
    object(subject + " has a wrong next time");
  for (auto at : submitted)
    if (!fired_.insert({row.number, at}).second)
      object(subject + " fires twice for one time");
}

bool books::has_ended_by(const attempt_key& key) const {
  auto found = facts_.find(key.id);
  return found != facts_.end() && found->second.ended_attempts.contains(key.attempt);
}

void books::close() {
  for (auto& [id, known] : facts_) {
    if (known.is_stored && !known.end)
      object(name_of(id) + " has not come to an end");
    if (known.is_cancel_acknowledged && !known.was_rerun && known.end != job_state::cancelled)
      object(name_of(id) + " was cancelled, but has another end");
    if (known.end && *known.end != job_state::done && known.effects > 0)
      object(name_of(id) + " has taken effect, but is not done");
  }
}

} // namespace cenote::job_simulation
