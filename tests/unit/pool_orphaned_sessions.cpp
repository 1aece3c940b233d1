#define CAF_SUITE pool.orphaned_sessions

#include "pool/orphaned_sessions.hpp"

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace std::chrono_literals;

namespace {

constexpr pool::time_point start{1h};

server_session numbered(uint64_t id) {
  return {id, {"a server", 1}, "app@10.0.0.7"};
}

} // namespace

SCENARIO("what was cut is tried at once, and then at growing intervals") {
  GIVEN("a session that was cut from its server") {
    pool::orphaned_sessions all;
    CHECK(all.next_attempt() == pool::time_point::max());
    CHECK(all.add(numbered(1), start));
    CHECK(all.next_attempt() == start);
    WHEN("its server is never reached") {
      std::vector<pool::duration> gaps;
      auto now = start;
      size_t attempts = 0;
      for (auto dropped = all.attempted(now); dropped.empty(); dropped = all.attempted(now)) {
        ++attempts;
        gaps.push_back(all.next_attempt() - now);
        now = all.next_attempt();
      }
      THEN("the intervals are doubled up to half a minute, and it is given up after a quarter of an hour") {
        gaps.resize(11);
        CHECK_EQ(gaps, std::vector<pool::duration>(
                           {100ms, 200ms, 400ms, 800ms, 1600ms, 3200ms, 6400ms, 12800ms, 25600ms, 30s, 30s}));
        CHECK(now - start >= 15min);
        CHECK(now - start < 16min);
        CHECK(attempts < 50);
        CHECK(all.empty());
        CHECK(all.next_attempt() == pool::time_point::max());
      }
    }
  }
}

SCENARIO("another one does not hurry those whose server is not reached") {
  GIVEN("a session that has been tried for a while") {
    pool::orphaned_sessions all;
    all.add(numbered(1), start);
    for (int i = 0; i < 6; ++i)
      all.attempted(all.next_attempt());
    auto next = all.next_attempt();
    WHEN("another one is added") {
      all.add(numbered(2), next - 1s);
      THEN("both are tried when the first one would have been") {
        CHECK(all.next_attempt() == next);
        CHECK_EQ(all.all(), std::vector<server_session>({numbered(1), numbered(2)}));
      }
    }
  }
}

SCENARIO("what has been settled is forgotten, and the next one is tried at once") {
  GIVEN("two sessions that have been tried for a while") {
    pool::orphaned_sessions all;
    all.add(numbered(1), start);
    all.add(numbered(2), start);
    for (int i = 0; i < 6; ++i)
      all.attempted(all.next_attempt());
    WHEN("both are settled, and another one is cut") {
      all.settled(numbered(1));
      CHECK_EQ(all.all(), std::vector<server_session>({numbered(2)}));
      all.settled(numbered(2));
      CHECK(all.empty());
      all.add(numbered(3), start + 1min);
      THEN("that one is tried at once") {
        CHECK(all.next_attempt() == start + 1min);
      }
    }
  }
}

SCENARIO("the same number on another server, or after its restart, is another session") {
  GIVEN("sessions with the same number") {
    pool::orphaned_sessions all;
    auto restarted = numbered(1);
    restarted.server.started = 2;
    auto another = numbered(1);
    another.server.instance = "another server";
    for (auto& x : {numbered(1), restarted, another})
      all.add(x, start);
    WHEN("one is settled") {
      all.settled(numbered(1));
      THEN("the others are left") {
        CHECK_EQ(all.all(), std::vector<server_session>({restarted, another}));
      }
    }
  }
}

SCENARIO("a network that is cut again and again does not fill the memory") {
  GIVEN("a thousand sessions that were cut") {
    pool::orphaned_sessions all;
    for (uint64_t id = 1; id <= 1000; ++id)
      CHECK(all.add(numbered(id), start));
    WHEN("there is one more") {
      auto kept_all = all.add(numbered(1001), start);
      THEN("the oldest one is dropped") {
        CHECK(!kept_all);
        CHECK_EQ(all.size(), 1000u);
        CHECK_EQ(all.all().front().id, 2u);
        CHECK_EQ(all.all().back().id, 1001u);
      }
    }
  }
}
