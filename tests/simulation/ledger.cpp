#include "simulation/ledger.hpp"

#include <algorithm>
#include <utility>

namespace cenote::simulation {

using namespace std::chrono_literals;

namespace {

/// What timers and messages take.
constexpr auto tolerance = 10ms;

} // namespace

std::string describe(const content& x) {
  if (auto why = std::get_if<failure>(&x))
    return to_string(why->code) + " (" + to_string(why->outcome) + "): " + why->text;
  if (auto id = std::get_if<session_id>(&x))
    return "session " + std::to_string(static_cast<uint64_t>(*id));
  return "done";
}

std::string name_of(caller_id x) {
  return "caller " + std::to_string(static_cast<uint64_t>(x));
}

promise ledger::expect(expectation x) {
  if (log_.enabled())
    log_.step(name_of(x.caller), x.what);
  entries_.push_back({std::move(x)});
  ++open_;
  return promise{static_cast<uint32_t>(entries_.size() - 1)};
}

void ledger::keep(promise x, const content& what) {
  auto& it = entries_[static_cast<size_t>(x)];
  if (log_.enabled())
    log_.step(name_of(it.what.caller), "gets the answer to: " + it.what.what + ": " + describe(what));
  if (std::exchange(it.kept, true)) {
    log_.object(name_of(it.what.caller) + " is answered twice: " + it.what.what);
    return;
  }
  --open_;
  ++answers_.count;
  if (auto why = std::get_if<failure>(&what))
    ++answers_.failures[why->code];
  if (people_.has_ended(it.what.caller))
    return;
  auto now = time_.now();
  if (it.what.due != time_point::max() && now > it.what.due + tolerance)
    log_.object(name_of(it.what.caller) + " is answered too late: " + it.what.what);
  if (it.what.sent && it.what.begun_before != time_point::max() && now > it.what.begun_before + tolerance
      && marks_[*it.what.sent].first_sent > it.what.begun_before + tolerance)
    log_.object(name_of(it.what.caller) + " is answered later than after the pool's timeout: " + it.what.what);
  auto then = std::move(it.what.then);
  if (then)
    then(what);
}

// -- what must be true in the end ----------------------------------------------------

void ledger::close() {
  for (auto& x : entries_)
    if (!x.kept && !people_.has_ended(x.what.caller))
      log_.object(name_of(x.what.caller) + " is never answered: " + x.what.what);
  for (auto& x : claims_)
    check(x);
  for (uint32_t i = 1; i < marks_.size(); ++i)
    if (auto& x = marks_[stamp{i}]; x.committed > 1 && !x.repeatable)
      log_.object("statement #" + std::to_string(i) + " has been done " + std::to_string(x.committed) + " times");
}

void ledger::check(const claim& x) {
  for (auto mark : x.about)
    check(x, mark);
  if (x.what != claim_kind::all_or_nothing || x.about.empty())
    return;
  auto is_there = [this](stamp mark) { return marks_[mark].committed > 0; };
  if (std::ranges::any_of(x.about, is_there) && !std::ranges::all_of(x.about, is_there))
    log_.object("only a part of a transaction is there: " + x.because);
}

void ledger::check(const claim& x, stamp mark) {
  auto& it = marks_[mark];
  auto name = "statement #" + std::to_string(static_cast<uint32_t>(mark));
  if (x.what == claim_kind::there && it.committed == 0)
    log_.object(name + " was acknowledged, but is not there: " + x.because);
  if (x.what == claim_kind::absent && it.committed > 0)
    log_.object(name + " is there, but should not be: " + x.because);
  if (x.what != claim_kind::there || it.retried)
    return;
  if (it.committed > 1)
    log_.object(name + " has been done " + std::to_string(it.committed) + " times without need: " + x.because);
  if (it.committed > 0 && it.last_committed > x.answered)
    log_.object(name + " takes effect after it was acknowledged: " + x.because);
}

} // namespace cenote::simulation
