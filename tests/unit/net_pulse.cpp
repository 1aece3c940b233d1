#define CAF_SUITE net.pulse

#include "net/pulse.hpp"

#include <random>
#include <vector>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote::net;
using namespace std::chrono_literals;

namespace {

const pulse::time_point start{1h};

pulse make() {
  return {1s, 5s, start};
}

} // namespace

SCENARIO("a ping is due once per heartbeat, numbered from 1") {
  auto x = make();
  CHECK(!x.beat(start));
  CHECK(!x.beat(start + 999ms));
  CHECK(x.next_event() == start + 1s);
  CHECK_EQ(x.beat(start + 1s).value_or(0), 1u);
  CHECK(!x.beat(start + 1s));
  CHECK(x.next_event() == start + 2s);
  // Those that were missed are not made up for.
  CHECK_EQ(x.beat(start + 3500ms).value_or(0), 2u);
  CHECK(!x.beat(start + 4400ms));
  CHECK_EQ(x.beat(start + 4500ms).value_or(0), 3u);
}

SCENARIO("a peer of which nothing is heard is dead after the limit, and not before") {
  auto x = make();
  x.heard(start + 300ms);
  CHECK(!x.is_dead(start + 5299ms));
  CHECK(x.is_dead(start + 5300ms));
  CHECK(x.silence(start + 5300ms) == 5s);
}

SCENARIO("a peer that is heard but answers no ping is dead after the limit, counted from the first ping") {
  auto x = make();
  for (auto now = start; now < start + 10s; now += 100ms) {
    x.heard(now);
    x.beat(now);
    CHECK_EQ(x.is_dead(now), now >= start + 6s);
  }
}

SCENARIO("a peer that answers late but always is alive") {
  auto x = make();
  uint64_t answered = 0;
  for (auto second = 1; second < 100; ++second) {
    auto now = start + second * 1s;
    x.heard(now);
    CHECK_EQ(x.beat(now).value_or(0), static_cast<uint64_t>(second));
    if (second > 4) // Four seconds for the way.
      x.ponged(++answered, now);
    CHECK(!x.is_dead(now));
  }
  // It stops to.
  auto now = start + 99s;
  x.heard(now + 4999ms);
  CHECK(!x.is_dead(now + 4999ms));
  x.heard(now + 5s);
  CHECK(x.is_dead(now + 5s));
}

SCENARIO("only the first answer to a ping that was sent is a sign of life") {
  for (uint64_t number : {uint64_t{0}, uint64_t{1}, uint64_t{4}, UINT64_MAX}) {
    auto x = make();
    for (auto second = 1; second <= 3; ++second)
      x.beat(start + second * 1s);
    x.ponged(1, start + 3s); // Of 1, 2 and 3.
    x.ponged(number, start + 7s);
    x.heard(start + 8s);
    CHECK(x.is_dead(start + 8s));
  }
  auto x = make();
  for (auto second = 1; second <= 3; ++second)
    x.beat(start + second * 1s);
  x.ponged(3, start + 4s); // And so those before.
  x.heard(start + 20s);
  CHECK(!x.is_dead(start + 20s));
  // The next one counts from when it is sent.
  x.beat(start + 20s);
  x.heard(start + 24s);
  CHECK(!x.is_dead(start + 24s));
  x.heard(start + 25s);
  CHECK(x.is_dead(start + 25s));
}

SCENARIO("whoever asks at each next event learns of the death in the moment it occurs") {
  std::mt19937 rng{1};
  auto below = [&rng](int n) { return std::uniform_int_distribution<int>{0, n - 1}(rng); };
  for (auto round = 0; round < 500; ++round) {
    auto heartbeat = std::chrono::milliseconds{1 + below(2000)};
    auto limit = std::chrono::milliseconds{1 + below(6000)};
    pulse x{heartbeat, limit, start};
    pulse watched = x;
    auto now = start;
    uint64_t sent = 0;
    for (auto step = 0; step < 30 && !watched.is_dead(now); ++step) {
      auto event = now + std::chrono::milliseconds{below(1500)};
      // Ticks between the events of the network, only when asked for.
      while (watched.next_event() <= event && !watched.is_dead(now)) {
        REQUIRE(watched.next_event() >= now);
        now = watched.next_event();
        if (watched.is_dead(now)) {
          CHECK(watched.silence(now) == limit);
          break;
        }
        auto before = watched.next_event();
        if (auto number = watched.beat(now))
          CHECK_EQ(*number, ++sent);
        if (watched.next_event() <= before) {
          CAF_ERROR("round " << round << ": it asks for the same moment again");
          return;
        }
      }
      if (watched.is_dead(now))
        break;
      now = event;
      watched.heard(now);
      if (below(2) == 0 && sent > 0)
        watched.ponged(sent - static_cast<uint64_t>(below(2)), now);
    }
  }
  CHECK(true);
}
