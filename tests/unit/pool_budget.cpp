#define CAF_SUITE pool.budget

#include "pool/budget.hpp"

#include <map>
#include <optional>
#include <random>
#include <set>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::pool;
using namespace std::chrono_literals;

namespace {

std::vector<size_t> shares(const std::vector<size_t>& wants, size_t budget) {
  std::vector<budget_row> rows;
  for (auto want : wants)
    rows.push_back({std::string(1, static_cast<char>('a' + rows.size())), budget, 0, 0, want});
  return fair_shares(rows, budget);
}

using numbers = std::vector<size_t>;

constexpr auto lease_time = 12s;

budget_settings rules_of(size_t connections) {
  return {connections, "cenote_node", lease_time};
}

/// Pools, their table and their server, all at random. Numbers include the connection from which a pool stops
/// statements, which is always counted as open.
class budget_world {
public:
  budget_world(uint32_t seed, size_t budget) : rng_{seed}, budget_{budget} {}

  struct node {
    explicit node(budget_member part) : member{std::move(part)} {}

    budget_member member;
    size_t open = 0;    ///< Connections for callers.
    size_t in_use = 0;  ///< Of these.
    size_t callers = 0; ///< Need: those in use, and those that wait.
    bool reaches_table = true;
    bool is_refused = false;          ///< Otherwise it hears nothing.
    bool was_without_lease = true;    ///< Since `at_ease`, it had none.
    std::optional<time_point> answer; ///< When the answer to its commit comes.
    bool commit_known = true;
    time_point suspect_until; ///< Until then the others may have given its share away, or not yet returned it.
  };

  uint64_t below(uint64_t n) { return std::uniform_int_distribution<uint64_t>{0, n - 1}(rng_); }
  bool one_in(uint64_t n) { return below(n) == 0; }
  double random() { return std::uniform_real_distribution<>{0.0, 1.0}(rng_); }

  node& add(size_t max_connections = 50) {
    auto id = "n" + std::to_string(100 + last_id_++);
    auto& added = nodes_.emplace(id, node{budget_member{rules_of(budget_), id, max_connections}}).first->second;
    added.open = 1;
    return added;
  }

  /// Lets the pool use what it may have: it may be slow to do so.
  void work(node& x, bool eager) {
    auto stay = std::min(x.callers, x.member.connections());
    if (stay < x.in_use && (eager || one_in(2)))
      x.in_use = eager ? stay : stay + below(x.in_use - stay + 1);
    // Idle ones beyond it are closed.
    x.open = std::max(std::min(x.open, x.member.connections()), x.in_use);
    if (x.open < x.member.connections() && x.callers > x.open && (eager || one_in(2)))
      x.open = eager ? std::min(x.callers, x.member.connections()) : x.open + 1;
    x.in_use = std::max(x.in_use, std::min(x.callers, x.open));
  }

  /// One round, up to the commit; the answer comes later.
  void begin_round(node& x, const std::string& id) {
    x.member.observe({x.open, x.callers}, now_);
    work(x, false); // Time passes before it has the lock.
    if (!x.reaches_table) {
      x.member.failed(x.is_refused, now_, random());
      return;
    }
    std::erase_if(table_, [this](auto& entry) { return entry.second.expires <= now_; });
    std::vector<budget_row> others;
    for (auto& [other, entry] : table_)
      if (other != id)
        others.push_back(entry.row);
    auto decision = x.member.decide(std::move(others), now_ >= settled_at_, now_);
    if (fails_ && one_in(20)) {
      x.member.failed(false, now_, random());
      return;
    }
    if (decision.rest)
      settled_at_ = now_ + lease_time;
    table_[id] = {decision.row, now_ + lease_time};
    x.commit_known = !fails_ || !one_in(20);
    x.answer = now_ + std::chrono::milliseconds{below(200)};
  }

  void end_round(node& x) {
    x.answer.reset();
    if (x.commit_known)
      x.member.agreed(now_, random());
    else
      x.member.failed(false, now_, random());
  }

  /// Lets time pass from event to event.
  void pass(duration span, bool eager = false) {
    for (auto end = now_ + span; now_ < end;) {
      now_ += std::chrono::milliseconds{1 + below(100)};
      for (auto& [id, x] : nodes_) {
        x.member.tick(now_);
        work(x, eager);
        x.member.observe({x.open, x.callers}, now_);
        if (x.answer && *x.answer <= now_)
          end_round(x);
        else if (!x.answer && x.member.next_round() <= now_)
          begin_round(x, id);
        work(x, eager);
        // In use for 1 s at most, so that two rounds later everything has been returned.
        if (!x.member.is_agreed())
          x.suspect_until = now_ + 2 * lease_time;
      }
      check();
    }
  }

  size_t total() const {
    size_t result = 0;
    for (auto& [id, x] : nodes_)
      result += x.open + 1;
    return result;
  }

  /// Pools whose lease runs, and has for long, are within the budget; each other pool has a smallest share.
  void check() {
    auto permitted = std::max(budget_, min_share * nodes_.size());
    for (auto& [id, x] : nodes_)
      permitted += !refused_alike_ && x.suspect_until > now_ ? x.open + 1 : 0;
    if (total() > permitted)
      problems_.insert("together they have more than the budget");
    highest_ = std::max(highest_, total());
  }

  std::vector<size_t> granted() const {
    std::vector<size_t> result;
    for (auto& [id, x] : nodes_)
      result.push_back(x.member.share());
    return result;
  }

  struct written {
    budget_row row;
    time_point expires;
  };

  std::minstd_rand rng_;
  size_t budget_;
  bool fails_ = true;          ///< Some rounds fail.
  bool refused_alike_ = false; ///< Whoever has no lease is refused the table, as all others are.
  time_point now_{1h};
  time_point settled_at_ = now_ + lease_time;
  size_t last_id_ = 0;
  std::map<std::string, node> nodes_;
  std::map<std::string, written> table_;
  std::set<std::string> problems_;
  size_t highest_ = 0;
};

} // namespace

SCENARIO("shares follow need, and are fair beyond that") {
  GIVEN("pools with different needs") {
    WHEN("a budget is divided among them") {
      THEN("each has two at least, what it wants next, and the rest evenly; one is left for a newcomer") {
        CHECK_EQ(shares({0}, 9), numbers({8}));
        CHECK_EQ(shares({0, 0}, 9), numbers({4, 4}));
        CHECK_EQ(shares({0, 0, 0}, 9), numbers({3, 3, 2}));
        CHECK_EQ(shares({9, 0, 0}, 9), numbers({4, 2, 2}));
        CHECK_EQ(shares({0, 9, 9}, 10), numbers({2, 4, 3}));
        CHECK_EQ(shares({5, 50, 0}, 20), numbers({5, 12, 2}));
        CHECK_EQ(shares({5, 7, 0}, 21), numbers({7, 7, 6}));
        CHECK_EQ(shares({5, 12, 0}, 21), numbers({5, 12, 3}));
        CHECK_EQ(shares({0, 0}, 4), numbers({2, 2}));
        CHECK_EQ(shares({9, 0, 0}, 3), numbers({2, 2, 2}));
      }
    }
  }
}

SCENARIO("a pool takes only what no other has") {
  GIVEN("one that wants much, and another that is to return some but still has it") {
    budget_row self{"a", 20, 4, 4, 15};
    budget_row other{"b", 20, 3, 12, 0};
    WHEN("it is its turn") {
      auto before = decide_share(self, {other}, true);
      other.held = 3;
      auto after = decide_share(self, {other}, true);
      auto unsettled = decide_share(self, {other}, false);
      THEN("it gets what is free, and the rest when the other has told that it is returned") {
        CHECK_EQ(before.row.granted, 7u);
        CHECK_EQ(before.target, 15u);
        CHECK_EQ(after.row.granted, 15u);
        CHECK_EQ(unsettled.row.granted, 4u);
      }
    }
  }
  GIVEN("one that has more than its share") {
    budget_row self{"a", 10, 7, 5, 0};
    WHEN("another wants it") {
      auto result = decide_share(self, {{"b", 10, 2, 2, 9}}, true);
      THEN("it is granted less, and still claims what it may have until the next round") {
        CHECK_EQ(result.row.granted, 2u);
        CHECK_EQ(result.row.held, 7u);
      }
    }
  }
  GIVEN("pools that are set to different budgets") {
    budget_row self{"a", 30, 2, 2, 30};
    WHEN("it is the turn of the one with the greater") {
      auto result = decide_share(self, {{"b", 10, 2, 2, 0}}, true);
      THEN("the smaller counts") {
        CHECK_EQ(result.row.granted, 7u);
        CHECK(result.disagree);
        CHECK_EQ(result.row.budget, 30u);
      }
    }
  }
}

SCENARIO("pools that ask in any order never have more than the budget together, whatever fails") {
  GIVEN("three hundred worlds of up to eight pools") {
    std::set<std::string> problems;
    size_t full = 0;
    WHEN("needs change at random, rounds fail, pools start, vanish, and lose the table for long") {
      for (uint32_t seed = 1; seed <= 300; ++seed) {
        auto budget = 4 + seed % 40;
        budget_world world{seed, budget};
        for (auto count = 1 + world.below(std::min<size_t>(8, budget / 2)); count > 0; --count)
          world.add(1 + world.below(30));
        for (auto step = 0; step < 60; ++step) {
          for (auto& [id, x] : world.nodes_) {
            if (world.one_in(4))
              x.callers = world.one_in(2) ? 0 : world.below(2 * budget);
            if (world.one_in(30)) {
              x.reaches_table = false;
              x.is_refused = world.one_in(2);
            } else if (world.one_in(4))
              x.reaches_table = true;
          }
          if (world.one_in(20) && world.nodes_.size() > 1)
            world.nodes_.erase(world.nodes_.begin());
          if (world.one_in(20) && 2 * world.nodes_.size() + 2 <= budget)
            world.add();
          world.pass(std::chrono::milliseconds{world.below(8000)});
        }
        for (auto& problem : world.problems_)
          problems.insert("seed " + std::to_string(seed) + ": " + problem);
        full += world.highest_ + spare_for_newcomers >= budget;
      }
      THEN("they are within it, and most use all of it") {
        CHECK_EQ(problems, std::set<std::string>{});
        CHECK_GT(full, 250u);
      }
    }
  }
}

SCENARIO("pools that were all refused the table do not take each other's connections when it is there again") {
  GIVEN("two hundred worlds of two to six pools") {
    std::set<std::string> problems;
    size_t moved = 0;
    WHEN("nobody can use the table for some time, while needs change") {
      for (uint32_t seed = 1; seed <= 200; ++seed) {
        auto budget = 12 + seed % 40;
        budget_world world{seed, budget};
        world.fails_ = false;
        for (auto count = 2 + world.below(5); count > 0; --count)
          world.add();
        world.pass(2 * lease_time, true);
        world.refused_alike_ = true;
        for (auto outage = 0; outage < 3; ++outage) {
          for (auto& [id, x] : world.nodes_) {
            x.callers = world.one_in(2) ? 0 : world.below(2 * budget);
            x.reaches_table = true;
          }
          world.pass(3 * lease_time, true);
          auto before = world.granted();
          for (auto& [id, x] : world.nodes_) {
            x.callers = world.one_in(2) ? 0 : world.below(2 * budget);
            x.reaches_table = false;
            x.is_refused = true;
          }
          world.pass(std::chrono::milliseconds{world.below(40'000)}, true);
          for (auto& [id, x] : world.nodes_)
            x.reaches_table = true;
          world.pass(3 * lease_time, true);
          moved += world.granted() != before;
        }
        for (auto& problem : world.problems_)
          problems.insert("seed " + std::to_string(seed) + ": " + problem);
      }
      THEN("they are within the budget all the time, and their shares follow need again") {
        CHECK_EQ(problems, std::set<std::string>{});
        CHECK_GT(moved, 300u);
      }
    }
  }
}

SCENARIO("pools with steady needs agree in a few rounds, and their shares rest then") {
  GIVEN("two hundred worlds in which some pools want much and others nothing") {
    std::set<std::string> problems;
    WHEN("their needs change, and then rest") {
      for (uint32_t seed = 1; seed <= 200; ++seed) {
        auto budget = 12 + seed % 60;
        budget_world world{seed, budget};
        world.fails_ = false;
        for (auto count = 1 + world.below(6); count > 0; --count)
          world.add();
        world.pass(2 * lease_time, true);
        for (auto round = 0; round < 3; ++round) {
          for (auto& [id, x] : world.nodes_)
            x.callers = world.one_in(2) ? 0 : world.below(2 * budget);
          world.pass(3 * lease_time, true);
          auto agreed = world.granted();
          std::vector<budget_row> rows;
          for (auto& [id, x] : world.nodes_)
            rows.push_back({id, budget, 0, 0, std::min<size_t>(x.callers, 50) + 1});
          auto fair = fair_shares(rows, budget);
          for (auto& share : fair)
            share = std::min<size_t>(share, 51);
          if (agreed != fair)
            problems.insert("seed " + std::to_string(seed) + ": not fair");
          for (auto look = 0; look < 20; ++look) {
            world.pass(1s, true);
            if (world.granted() != agreed)
              problems.insert("seed " + std::to_string(seed) + ": restless");
          }
        }
      }
      THEN("each has its fair share, and it does not change") {
        CHECK_EQ(problems, std::set<std::string>{});
      }
    }
  }
}

SCENARIO("the share of a pool that vanishes is free when its lease has ended") {
  GIVEN("three pools, the busiest of which vanishes") {
    budget_world world{1, 20};
    world.add().callers = 30;
    world.add().callers = 30;
    world.add();
    world.pass(3 * lease_time, true);
    auto before = world.granted();
    world.nodes_.erase(world.nodes_.begin());
    WHEN("time passes") {
      world.pass(lease_time / 2, true);
      auto early = world.granted();
      world.pass(2 * lease_time, true);
      THEN("the others get it, but not before") {
        CHECK_EQ(before, numbers({9, 8, 2}));
        CHECK_EQ(early, numbers({8, 2}));
        CHECK_EQ(world.granted(), numbers({17, 2}));
      }
    }
  }
}

SCENARIO("a pool that starts finds a connection left for it") {
  GIVEN("two busy pools that have all they may have") {
    budget_world world{1, 12};
    world.add().callers = 30;
    world.add().callers = 30;
    world.pass(3 * lease_time, true);
    CHECK_EQ(world.total(), 11u);
    WHEN("a third starts") {
      world.add().callers = 30;
      auto begin = world.total() - 1; // It stops no statement yet.
      world.pass(3 * lease_time, true);
      THEN("they are within the budget, and share it") {
        CHECK_EQ(begin, 12u);
        CHECK_EQ(world.granted(), numbers({4, 4, 3}));
      }
    }
  }
}
