#pragma once

#include "cenote/settings.hpp"
#include "pool/request.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace cenote::pool {

/// What a pool has written into the table of a budget. All numbers include the connection from which it stops
/// statements, whether that is open or not.
struct budget_row {
  std::string id;
  size_t budget = 0;  ///< What all pools may have together, as this one is set.
  size_t granted = 0; ///< What it may have.
  size_t held = 0;    ///< What it may still have had beyond that when it wrote this.
  size_t wanted = 0;  ///< What it needs: connections in use, and one for each caller that waits.

  /// What no other may take.
  size_t claim() const noexcept { return granted > held ? granted : held; }

  bool operator==(const budget_row&) const = default;
};

/// The smallest share: a connection for callers, and the one that stops statements.
constexpr size_t min_share = 2;

/// What is never given away while there is enough for all: a pool that starts has to open a connection before it can
/// ask for one.
constexpr size_t spare_for_newcomers = 1;

/// The shares that pools should have, in the order of the rows: the smallest share for each, then what they want, the
/// smallest first, then the rest evenly. Together at most the budget without the spare, unless even the smallest shares
/// are more.
/// @param rows in an order on which all pools agree.
std::vector<size_t> fair_shares(const std::vector<budget_row>& rows, size_t budget);

/// What a pool writes into its row in one round, and what it may have afterwards.
struct budget_decision {
  budget_row row;
  size_t target = 0;     ///< What it should have; more than it is granted while others have still to return some.
  size_t pools = 0;      ///< How many share the budget.
  bool disagree = false; ///< They are set to different budgets; the smallest counts.
  bool crowded = false;  ///< The budget has not even the smallest share for each of them.
  bool rest = false;     ///< Nobody may grow for one lease from now on, as if the table were new.
};

/// Decides about one pool, in a round that no other pool's round overlaps.
/// @param self its settings and its need; `granted` is what it may have at the moment, `held` what it has.
/// @param others the rows of other pools whose leases run.
/// @param settled whether every pool has had time to write its row since the table was made. Until then none may grow.
budget_decision decide_share(budget_row self, std::vector<budget_row> others, bool settled);

/// What a pool reports about itself between rounds.
struct pool_load {
  size_t open = 0;   ///< Connections of any kind, those being opened and closed included.
  size_t needed = 0; ///< Connections in use, and callers that wait.
};

/// One pool's part in a budget: how many connections it may have, when it has to agree with the others, and what
/// happens if it cannot.
///
/// It may have what the last round has granted, for as long as its lease runs by its own clock, which it counts from
/// before the server did. If the lease is about to end, the others are about to take its share. Then it depends on why
/// its rounds have failed. If the server refuses the table, others are refused as well, as a rule: the pool keeps the
/// connections that it has and opens no more. So do the others, while the leases in the table end: when it can be used
/// again, it rests until all have had time to write their rows. One refusal alone, as a lock wait, is no reason.
/// Otherwise the pool has not reached the server, or no connection has become free, or it is paused: it goes down to
/// one connection.
class budget_member {
public:
  /// @param id of its row.
  /// @param max_connections what it can use.
  budget_member(const budget_settings& rules, std::string id, size_t max_connections);

  /// The pool's numbers at the moment. They may make the next round due earlier.
  void observe(const pool_load& load, time_point now);

  /// When the next round should begin.
  time_point next_round() const noexcept { return next_round_; }

  /// The rows have been read; the decision is to be written and committed.
  budget_decision decide(std::vector<budget_row> others, bool settled, time_point now);

  /// The decision has been committed.
  /// @param random from 0 to below 1.
  void agreed(time_point now, double random);

  /// The round has failed; its decision may have been committed nevertheless.
  /// @param refused whether the server has answered, but did not let the table be used.
  void failed(bool refused, time_point now, double random);

  /// Time has passed. Needed at `lease_event`, harmless at any other time.
  void tick(time_point now);

  /// When the lease is about to end; `time_point::max()` if it has ended.
  time_point lease_event() const noexcept { return gives_up_at_; }

  /// The connections that the pool may have, without the one that stops statements: at least 1.
  size_t connections() const noexcept { return granted_ - 1; }

  /// The same with it.
  size_t share() const noexcept { return granted_; }

  /// Whether its lease runs.
  bool is_agreed() const noexcept { return gives_up_at_ != time_point::max(); }

private:
  size_t wanted() const;
  duration gap() const;
  void lose_lease();

  budget_settings rules_;
  std::string id_;
  size_t max_share_;

  size_t granted_ = min_share; ///< In force.
  pool_load load_{1, 0};
  budget_decision decision_; ///< Of the last round.
  bool refused_ = false;     ///< The last round, by the server.
  size_t refusals_ = 0;      ///< Since the last one that has succeeded.

  size_t peak_ = 0;      ///< The greatest need lately,
  size_t last_peak_ = 0; ///< and in the time before that.
  time_point peak_since_ = time_point::min();

  time_point lease_began_ = time_point::min(); ///< Of the decision.
  time_point agreed_at_ = time_point::min();   ///< The same of the last one that was committed; before: a refusal.
  time_point gives_up_at_ = time_point::max();
  time_point last_round_ = time_point::min();
  time_point next_round_ = time_point::min();
  duration wait_{0}; ///< Until the next look at whether others have returned something.
};

} // namespace cenote::pool
