#define CAF_SUITE pool.budget_member

#include "pool/budget.hpp"

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::pool;
using namespace std::chrono_literals;

namespace {

struct member_fixture {
  budget_member member{{20, "cenote_node", 15s}, "a", 30};
  time_point now{1h};

  /// A round in which nobody else takes part.
  void agree(std::vector<budget_row> others = {}, bool settled = true) {
    member.decide(std::move(others), settled, now);
    member.agreed(now, 0);
  }

  void load(size_t open, size_t needed) { member.observe({open, needed}, now); }

  /// The time until the next round.
  duration due() const { return member.next_round() - now; }

  void pass(duration span) {
    now += span;
    member.tick(now);
  }
};

} // namespace

BEGIN_FIXTURE_SCOPE(member_fixture)

SCENARIO("a pool begins with one connection and asks at once") {
  GIVEN("a pool that has just started") {
    WHEN("nothing has happened") {
      THEN("it may have one connection; its first round is due") {
        CHECK_EQ(member.connections(), 1u);
        CHECK(member.next_round() <= now);
        CHECK(!member.is_agreed());
      }
    }
  }
}

SCENARIO("rounds come three times per lease, sooner if more is needed, but not all the time") {
  GIVEN("a pool that shares with another and has agreed") {
    load(1, 0);
    agree({{"b", 20, 10, 10, 0}});
    CHECK_EQ(member.connections(), 8u);
    CHECK(due() == 5s);
    WHEN("callers wait, twice as many as there are connections") {
      pass(2s);
      load(8, 16);
      auto wanting = due();
      agree({{"b", 20, 10, 10, 0}});
      auto unserved = due();
      load(8, 17);
      auto still = due();
      THEN("a round is due at once, and then each half second at most") {
        CHECK(wanting == -1500ms);
        CHECK(unserved == 500ms);
        CHECK(still == 500ms);
      }
    }
  }
}

SCENARIO("a pool that is not given what it should have asks again less and less often") {
  GIVEN("a pool that waits for another to return connections") {
    load(1, 30);
    agree({{"b", 20, 12, 12, 0}});
    WHEN("the other keeps them") {
      std::vector<duration> gaps;
      for (auto i = 0; i < 5; ++i) {
        gaps.push_back(due());
        pass(due());
        load(6, 30);
        agree({{"b", 20, 12, 12, 0}});
      }
      THEN("the gaps grow") {
        CHECK(gaps == std::vector<duration>({500ms, 1s, 2s, 2500ms, 2500ms}));
      }
    }
  }
}

SCENARIO("a pool that has returned connections tells the others soon") {
  GIVEN("a pool with nineteen connections, of which another one needs some") {
    load(1, 30);
    agree();
    CHECK_EQ(member.connections(), 18u);
    pass(5s);
    load(18, 30);
    agree({{"b", 20, 2, 2, 30}});
    CHECK_EQ(member.connections(), 9u);
    WHEN("callers keep them for a while") {
      auto first = due();
      pass(first);
      load(18, 30);
      agree({{"b", 20, 2, 2, 30}});
      pass(400ms);
      load(18, 30);
      auto unchanged = due();
      pass(200ms);
      load(12, 30);
      THEN("it reports after half a second, and again when there are fewer") {
        CHECK(first == 500ms);
        CHECK(unchanged == 600ms);
        CHECK(due() == -100ms);
      }
    }
  }
}

SCENARIO("a need that comes and goes does not move the share at once") {
  GIVEN("a pool that needed twelve connections a moment ago") {
    load(12, 12);
    agree({{"b", 20, 2, 2, 0}});
    pass(4s);
    load(12, 0);
    WHEN("rounds follow in which another one wants everything") {
      std::vector<size_t> wanted;
      for (auto i = 0; i < 4; ++i) {
        pass(4s);
        load(12, 0);
        wanted.push_back(member.decide({{"b", 20, 2, 2, 30}}, true, now).row.wanted);
        member.agreed(now, 0);
      }
      THEN("it is forgotten after two thirds of a lease") {
        CHECK_EQ(wanted, std::vector<size_t>({13, 13, 1, 1}));
      }
    }
  }
}

SCENARIO("a pool that the server refuses the table keeps what it has and takes no more") {
  GIVEN("a pool that may have nineteen connections and has seven") {
    load(1, 0);
    agree();
    load(7, 3);
    WHEN("the table is gone for longer than its lease") {
      std::vector<size_t> seen;
      for (auto i = 0; i < 8; ++i) {
        pass(2s);
        member.failed(true, now, 0);
        load(7, 3);
        seen.push_back(member.connections());
      }
      THEN("it may have what was granted until its lease is about to end, and then what it has") {
        CHECK_EQ(seen, std::vector<size_t>({18, 18, 18, 18, 18, 7, 7, 7}));
      }
      member.failed(false, now, 0);
      auto alone = member.connections();
      auto rests = member.decide({}, true, now).rest;
      member.agreed(now, 0);
      auto resting = member.connections();
      agree({}, false);
      agree();
      THEN("one is left if the server is gone as well; when the table is there again, it rests, and all is as before") {
        CHECK_EQ(alone, 1u);
        CHECK(rests);
        CHECK_EQ(resting, 1u);
        CHECK_EQ(member.connections(), 18u);
      }
    }
  }
}

SCENARIO("the table rests if it was out of use for so long that rows may have ended that somebody would have renewed") {
  struct {
    duration silence; ///< From the last round that has succeeded.
    int refusals;     ///< Since then.
    bool rests;
  } rows[] = {
      {5s, 0, false},     {5s, 2, false},  {7400ms, 2, false}, {7500ms, 2, true}, {7500ms, 1, false},
      {7500ms, 0, false}, {20s, 0, false}, {20s, 1, false},    {20s, 2, true},
  };
  for (auto& x : rows) {
    member_fixture fresh;
    fresh.load(1, 30);
    fresh.agree({{"b", 20, 10, 10, 30}});
    fresh.pass(x.silence - 1s);
    fresh.member.failed(false, fresh.now, 0);
    for (auto i = 0; i < x.refusals; ++i)
      fresh.member.failed(true, fresh.now, 0);
    fresh.pass(1s);
    auto before = fresh.member.share();
    auto decision = fresh.member.decide({}, true, fresh.now);
    CHECK_EQ(decision.rest, x.rests);
    CHECK_EQ(decision.row.granted > before, !x.rests); // The row of the other one has ended.
    fresh.member.agreed(fresh.now, 0);
    CHECK(!fresh.member.decide({}, true, fresh.now).rest);
  }
}

SCENARIO("a new pool has the table rest only if it was refused for long itself") {
  for (auto time : {7400ms, 7500ms}) {
    member_fixture fresh;
    fresh.load(1, 30);
    fresh.member.failed(true, fresh.now, 0);
    fresh.member.failed(true, fresh.now, 0);
    fresh.pass(time);
    CHECK_EQ(fresh.member.decide({{"b", 20, 10, 10, 30}}, true, fresh.now).rest, time == 7500ms);
  }
}

SCENARIO("a pool that cannot ask goes down to one connection before the others take its share") {
  GIVEN("a pool that may have nineteen connections and has seven") {
    load(1, 0);
    agree();
    load(7, 3);
    WHEN("its rounds fail without an answer, or none ends at all") {
      pass(11s);
      member.failed(false, now, 0);
      auto before = member.connections();
      pass(1s);
      THEN("it has given up its share three seconds before the lease ends") {
        CHECK_EQ(before, 18u);
        CHECK_EQ(member.connections(), 1u);
        CHECK(!member.is_agreed());
        CHECK(member.lease_event() == time_point::max());
      }
    }
  }
}

END_FIXTURE_SCOPE()
