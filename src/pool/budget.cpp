#include "pool/budget.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace cenote::pool {

namespace {

size_t minus(size_t minuend, size_t subtrahend) {
  return minuend > subtrahend ? minuend - subtrahend : 0;
}

size_t spare(size_t budget, size_t pools) {
  return std::min(spare_for_newcomers, minus(budget, pools * min_share));
}

/// Minus up to 10 %, so that pools that were started together do not ask together for ever.
duration jittered(duration span, double random) {
  assert(random >= 0 && random < 1);
  return span - std::chrono::duration_cast<duration>(span / 10 * random);
}

} // namespace

std::vector<size_t> fair_shares(const std::vector<budget_row>& rows, size_t budget) {
  std::vector<size_t> result(rows.size(), min_share);
  auto smallest = [&](bool wanting) {
    auto found = rows.size();
    for (size_t i = 0; i < rows.size(); ++i)
      if ((!wanting || result[i] < rows[i].wanted) && (found == rows.size() || result[i] < result[found]))
        found = i;
    return found;
  };
  for (auto rest = minus(budget - spare(budget, rows.size()), rows.size() * min_share); rest > 0; --rest) {
    auto next = smallest(true);
    ++result[next < rows.size() ? next : smallest(false)];
  }
  return result;
}

budget_decision decide_share(budget_row self, std::vector<budget_row> others, bool settled) {
  budget_decision result;
  auto budget = self.budget;
  size_t claimed = 0;
  for (auto& other : others) {
    result.disagree |= other.budget != self.budget;
    budget = std::min(budget, other.budget);
    claimed += other.claim();
  }
  result.pools = others.size() + 1;
  result.crowded = result.pools * min_share > budget;

  auto before = self.granted;
  auto rows = std::move(others);
  rows.push_back(self);
  std::ranges::sort(rows, {}, &budget_row::id);
  auto place = std::ranges::find(rows, self.id, &budget_row::id) - rows.begin();
  result.target = fair_shares(rows, budget)[static_cast<size_t>(place)];

  // Only what is certainly free may be taken. What is returned stays claimed until the next round: the pool learns of
  // its smaller share after this one, and may have opened connections since it told how many there are.
  auto free = minus(budget, spare(budget, result.pools) + claimed);
  auto most = settled ? std::max(before, free) : before;
  self.granted = std::min(result.target, most);
  if (self.granted < before)
    self.held = std::max(before, self.held);
  result.row = std::move(self);
  return result;
}

// -- one pool ----------------------------------------------------------------------

budget_member::budget_member(const budget_settings& rules, std::string id, size_t max_connections)
    : rules_{rules}, id_{std::move(id)}, max_share_{std::max(max_connections + 1, min_share)} {
  assert(rules_.connections > 0 && rules_.lease > duration::zero());
}

void budget_member::observe(const pool_load& load, time_point now) {
  if (now - rules_.lease / 3 >= peak_since_) {
    last_peak_ = std::exchange(peak_, 0);
    peak_since_ = now;
  }
  load_ = load;
  peak_ = std::max(peak_, load.needed);
  if (!is_agreed())
    return;
  auto& told = decision_.row;
  auto needs_more = wanted() > told.wanted && wanted() > granted_;
  auto has_returned = told.held > told.granted && load.open + 1 < told.held;
  if (needs_more || has_returned)
    next_round_ = std::min(next_round_, later(last_round_, gap()));
}

/// The peak of the last while: a need that comes and goes does not make shares go to and fro.
size_t budget_member::wanted() const {
  return std::min(std::max(peak_, last_peak_) + 1, max_share_);
}

/// The shortest time between two rounds.
duration budget_member::gap() const {
  return std::min<duration>(std::chrono::milliseconds{500}, rules_.lease / 6);
}

budget_decision budget_member::decide(std::vector<budget_row> others, bool settled, time_point now) {
  budget_row self{id_, rules_.connections, granted_, load_.open + 1, wanted()};
  // A row is renewed after a third of its lease. If nobody could do so for about as long as the rest of it, there may
  // be pools whose rows have ended though they have all their connections.
  auto was_out_of_use = refusals_ > 1 && agreed_at_ <= now - rules_.lease / 2;
  decision_ = decide_share(std::move(self), std::move(others), settled && !was_out_of_use);
  decision_.rest = was_out_of_use;
  // No more than the pool can use; it never had more.
  decision_.row.granted = std::min(decision_.row.granted, max_share_);
  decision_.target = std::min(decision_.target, max_share_);
  lease_began_ = now;
  return decision_;
}

void budget_member::agreed(time_point now, double random) {
  auto shrinks = decision_.row.granted < granted_;
  auto is_served = std::min(decision_.target, decision_.row.wanted) <= decision_.row.granted;
  granted_ = decision_.row.granted;
  refused_ = false;
  refusals_ = 0;
  agreed_at_ = lease_began_;
  gives_up_at_ = later(lease_began_, rules_.lease - rules_.lease / 5);
  auto usual = rules_.lease / 3;
  if (shrinks || decision_.row.held > decision_.row.granted || !is_served)
    wait_ = shrinks || wait_ == duration::zero() ? gap() : std::min<duration>(2 * wait_, usual / 2);
  else
    wait_ = duration::zero();
  last_round_ = now;
  next_round_ = later(now, jittered(wait_ == duration::zero() ? usual : wait_, random));
  tick(now);
}

void budget_member::failed(bool refused, time_point now, double random) {
  refused_ = refused;
  refusals_ += refused;
  if (refused && agreed_at_ == time_point::min())
    agreed_at_ = now; // What was before it began, the table tells.
  last_round_ = now;
  next_round_ = later(now, jittered(std::min<duration>(rules_.lease / 6, std::chrono::seconds{2}), random));
  if (!is_agreed())
    lose_lease(); // The reason may have changed.
  tick(now);
}

void budget_member::tick(time_point now) {
  if (gives_up_at_ > now)
    return;
  gives_up_at_ = time_point::max();
  lose_lease();
}

void budget_member::lose_lease() {
  granted_ = refused_ ? std::min(granted_, std::max(load_.open + 1, min_share)) : min_share;
}

} // namespace cenote::pool
