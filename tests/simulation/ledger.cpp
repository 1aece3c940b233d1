#include "simulation/ledger.hpp"

#include <algorithm>
#include <utility>

namespace cenote::simulation {

using namespace std::chrono_literals;

namespace {

/// The time that timers and messages take.
constexpr auto tolerance = 10ms;

} // namespace

std::string describe(const content& answer) {
  if (auto reason = std::get_if<failure>(&answer))
    return to_string(reason->code) + " (" + to_string(reason->outcome) + "): " + reason->text;
  if (auto id = std::get_if<session_id>(&answer))
    return "session " + std::to_string(static_cast<uint64_t>(*id));
  return "done";
}

std::string name_of(caller_id caller) {
  return "caller " + std::to_string(static_cast<uint64_t>(caller));
}

promise ledger::expect(expectation expected) {
  if (log_.enabled())
    log_.step(name_of(expected.caller), expected.description);
  entries_.push_back({std::move(expected)});
  ++open_;
  return promise{static_cast<uint32_t>(entries_.size() - 1)};
}

void ledger::keep(promise kept_promise, const content& answer) {
  auto& awaited = entries_[static_cast<size_t>(kept_promise)];
  if (log_.enabled())
    log_.step(name_of(awaited.expected.caller),
              "gets the answer to: " + awaited.expected.description + ": " + describe(answer));
  if (std::exchange(awaited.kept, true)) {
    log_.object(name_of(awaited.expected.caller) + " is answered twice: " + awaited.expected.description);
    return;
  }
  --open_;
  ++answers_.count;
  if (auto reason = std::get_if<failure>(&answer))
    ++answers_.failures[reason->code];
  if (people_.has_ended(awaited.expected.caller))
    return;
  auto now = time_.now();
  if (awaited.expected.due != time_point::max() && now > awaited.expected.due + tolerance)
    log_.object(name_of(awaited.expected.caller) + " is answered too late: " + awaited.expected.description);
  if (awaited.expected.sent && awaited.expected.begun_before != time_point::max()
      && now > awaited.expected.begun_before + tolerance
      && marks_[*awaited.expected.sent].first_sent > awaited.expected.begun_before + tolerance)
    log_.object(name_of(awaited.expected.caller)
                + " is answered later than after the pool's timeout: " + awaited.expected.description);
  auto then = std::move(awaited.expected.then);
  if (then)
    then(answer);
}

// -- what must be true in the end ----------------------------------------------------

void ledger::close() {
  for (auto& awaited : entries_)
    if (!awaited.kept && !people_.has_ended(awaited.expected.caller))
      log_.object(name_of(awaited.expected.caller) + " is never answered: " + awaited.expected.description);
  for (auto& stated : claims_)
    check(stated);
  for (uint32_t i = 1; i < marks_.size(); ++i)
    if (auto& record = marks_[stamp{i}]; record.committed > 1 && !record.repeatable)
      log_.object("statement #" + std::to_string(i) + " has been done " + std::to_string(record.committed) + " times");
}

void ledger::check(const claim& stated) {
  for (auto mark : stated.marks)
    check(stated, mark);
  if (stated.kind != claim_kind::all_or_nothing || stated.marks.empty())
    return;
  auto is_there = [this](stamp mark) { return marks_[mark].committed > 0; };
  if (std::ranges::any_of(stated.marks, is_there) && !std::ranges::all_of(stated.marks, is_there))
    log_.object("only a part of a transaction is there: " + stated.reason);
}

void ledger::check(const claim& stated, stamp mark) {
  auto& record = marks_[mark];
  auto name = "statement #" + std::to_string(static_cast<uint32_t>(mark));
  if (stated.kind == claim_kind::there && record.committed == 0)
    log_.object(name + " was acknowledged, but is not there: " + stated.reason);
  if (stated.kind == claim_kind::absent && record.committed > 0)
    log_.object(name + " is there, but should not be: " + stated.reason);
  if (stated.kind != claim_kind::there || record.retried)
    return;
  if (record.committed > 1)
    log_.object(name + " has been done " + std::to_string(record.committed) + " times without need: " + stated.reason);
  if (record.committed > 0 && record.last_committed > stated.answered)
    log_.object(name + " takes effect after it was acknowledged: " + stated.reason);
}

} // namespace cenote::simulation
