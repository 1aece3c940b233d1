// A client of pool nodes: stories in which each command is expected.

#define CAF_SUITE node.remote_core

#include "node/remote_core.hpp"

#include <set>
#include <string>
#include <vector>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::node;
using namespace std::chrono_literals;

namespace {

const time_point start{1h};

using type = call::type;
using list = std::vector<std::string>;

/// The core, with its commands as short texts.
struct story {
  explicit story(size_t nodes = 1, remote_core::rules rules = {2, 10s, 1s}, uint64_t seed = 1)
      : core{names(nodes), rules, seed} {
    // nop
  }

  static std::vector<std::string> names(size_t count) {
    std::vector<std::string> out;
    for (size_t i = 0; i < count; ++i)
      out.push_back(std::string(1, static_cast<char>('A' + i)));
    return out;
  }

  list texts(const commands& todo) {
    list out;
    for (auto& each : todo)
      std::visit([&](auto& x) { out.push_back(text(x)); }, each);
    return out;
  }

  static std::string number(auto id) { return std::to_string(static_cast<uint64_t>(id)); }

  std::string text(const connect_to& x) { return "connect " + number(x.link) + " to " + names(9)[x.node]; }
  std::string text(const drop_link& x) { return "drop " + number(x.link); }
  std::string text(const send_call& x) { return "send " + number(x.call) + " by " + number(x.link); }
  std::string text(const withdraw_call& x) { return "withdraw " + number(x.call) + " from " + number(x.link); }
  std::string text(const fail_call& x) {
    failure = x;
    return "fail " + number(x.call) + ": " + to_string(x.failure.code) + ", " + to_string(x.failure.outcome)
           + (x.if_withdrawn ? ", or " + to_string(x.if_withdrawn->outcome) : "");
  }
  std::string text(const end_session_links& x) { return "end sessions of " + number(x.link); }
  std::string text(const give_up_link& x) { return "give up " + number(x.link) + ": " + x.reason; }

  list begin() { return texts(core.start(now)); }
  list opened(uint64_t link) { return texts(core.opened(link_id{link}, now)); }
  list lost(uint64_t link, bool refused = false) { return texts(core.lost(link_id{link}, "it broke", refused, now)); }
  list leaving(uint64_t link) { return texts(core.leaving(link_id{link}, now)); }
  list answered(uint64_t id) { return texts(core.answered(call_id{id}, now)); }
  list turned_away(uint64_t id) { return texts(core.turned_away(call_id{id}, now)); }
  list cancel(uint64_t id) { return texts(core.cancel(call_id{id}, now)); }
  void written(uint64_t id) { core.written(call_id{id}); }
  void heard(uint64_t link) { core.heard(link_id{link}, now); }
  list drain(duration span) { return texts(core.drain(now + span, now)); }
  list wait(duration span) {
    now += span;
    return texts(core.tick(now));
  }
  /// Ticks when the core asks for it.
  list next() {
    now = std::max(now, core.next_event());
    return texts(core.tick(now));
  }
  list submit(uint64_t id, type kind = type::work, duration limit = 1h, uint64_t link = 0,
              outcome if_lost = outcome::unknown, outcome if_unsent = outcome::not_sent) {
    return texts(core.submit({call_id{id}, kind, now, now + limit, link_id{link}, if_lost, if_unsent}, now));
  }

  /// Connected to the first node by link 1, for a while.
  story& connected() {
    begin();
    opened(1);
    now += 1min;
    return *this;
  }

  remote_core core;
  time_point now = start;
  fail_call failure;
};

} // namespace

SCENARIO("all nodes are tried at once, and the first that answers is used") {
  story x{3};
  CHECK_EQ(x.begin(), list({"connect 1 to A", "connect 2 to B", "connect 3 to C"}));
  CHECK_EQ(x.submit(1), list{});
  CHECK_EQ(x.lost(1), list({"end sessions of 1"}));
  CHECK_EQ(x.opened(2), list({"drop 3", "send 1 by 2"}));
  CHECK(x.core.current() == link_id{2});
  CHECK_EQ(*x.core.node_of(link_id{2}), "B");
  CHECK(x.core.node_of(link_id{3}) == nullptr);
  CHECK_EQ(x.opened(3), list{});
  CHECK_EQ(x.lost(3), list{});
  CHECK_EQ(x.answered(1), list{});
  CHECK(x.core.next_event() == time_point::max());
}

SCENARIO("requests go to the node in their order, so many at a time") {
  story x;
  x.begin();
  for (uint64_t id = 1; id <= 4; ++id)
    CHECK_EQ(x.submit(id, id == 2 ? type::harmless : type::work), list{});
  CHECK_EQ(x.opened(1), list({"send 1 by 1", "send 2 by 1"}));
  CHECK_EQ(x.core.waiting(), 2u);
  CHECK_EQ(x.answered(2), list({"send 3 by 1"}));
  CHECK_EQ(x.answered(2), list{});
  // Those of sessions and operators do not count, and do not wait.
  CHECK_EQ(x.submit(5, type::bound, 1h, 1), list({"send 5 by 1"}));
  CHECK_EQ(x.submit(6, type::query), list({"send 6 by 1"}));
  CHECK_EQ(x.answered(5), list{});
  CHECK_EQ(x.answered(6), list{});
  CHECK_EQ(x.cancel(1),
           list({"withdraw 1 from 1", "fail 1: acquire_timeout, unavailable, or not_sent", "send 4 by 1"}));
  CHECK_EQ(x.core.unanswered(), 2u);
}

SCENARIO("what the node cannot have begun goes to another one, and the rest is lost") {
  story x{2, {100, 10s, 1s}};
  x.begin();
  x.opened(1); // Drops the other.
  x.now += 1min;
  x.submit(1);
  x.submit(2);
  x.submit(3, type::harmless);
  x.submit(4, type::query);
  x.submit(5, type::bound, 1h, 1, outcome::rolled_back);
  x.submit(6, type::bound, 1h, 1);
  x.submit(7);
  for (uint64_t id : {2, 3, 4, 5, 6})
    x.written(id);
  CHECK_EQ(x.lost(1), list({"fail 2: pool_gone, unknown", "fail 5: session_ended, rolled_back",
                            "fail 6: pool_gone, unknown", "end sessions of 1", "connect 3 to A", "connect 4 to B"}));
  // A new request comes behind those that have come back.
  CHECK_EQ(x.submit(8), list{});
  CHECK_EQ(x.opened(4), list({"drop 3", "send 4 by 4", "send 1 by 4", "send 3 by 4", "send 7 by 4", "send 8 by 4"}));
}

SCENARIO("a request for a session that was not sent has had no effect when its node is lost") {
  story x;
  x.connected();
  x.submit(1, type::bound, 1h, 1);
  x.submit(2, type::bound, 1h, 1, outcome::unknown, outcome::rolled_back); // A COMMIT.
  x.submit(3, type::bound, 1h, 1);
  x.written(3);
  CHECK_EQ(x.lost(1), list({"fail 1: connection_lost_unsent, not_sent", "fail 2: session_ended, rolled_back",
                            "fail 3: pool_gone, unknown", "end sessions of 1", "connect 2 to A"}));
}

SCENARIO("a node that lives and answers nothing is given up for another one") {
  GIVEN("two requests that are not answered within their time") {
    story x{2, {100, 10s, 1s, 4s}};
    x.connected();
    x.submit(1, type::work, 2s);
    x.submit(2, type::harmless, 3s);
    for (uint64_t id : {1, 2})
      x.written(id);
    CHECK_EQ(x.wait(3s), list({"withdraw 1 from 1", "fail 1: statement_timeout, unknown"}));
    WHEN("nothing else is answered until the silence is over") {
      CHECK_EQ(x.next(), list({"withdraw 2 from 1", "fail 2: acquire_timeout, unavailable"}));
      x.submit(3);
      x.written(3);
      CHECK_EQ(x.next(), list({"give up 1: it has answered nothing for 66.0 s"}));
      CHECK_EQ(x.lost(1), list({"fail 3: pool_gone, unknown", "end sessions of 1", "connect 3 to B"}));
      THEN("another one is tried before it is") {
        CHECK_EQ(x.opened(3), list{});
        CHECK_EQ(x.wait(10s), list{});
      }
    }
  }
  GIVEN("a request that is not answered within its time") {
    story x{2, {100, 10s, 1s, 4s}};
    x.connected();
    x.submit(1, type::work, 2s);
    x.written(1);
    CHECK_EQ(x.wait(3s), list({"withdraw 1 from 1", "fail 1: statement_timeout, unknown"}));
    WHEN("anything is answered before the silence is over") {
      x.wait(1s);
      x.heard(1);
      THEN("it is only slow") {
        CHECK_EQ(x.wait(1min), list{});
        CHECK(x.core.current() == link_id{1});
      }
    }
  }
  GIVEN("a request that is behind another one, which is answered") {
    story x{2, {100, 10s, 1s, 4s}};
    x.connected();
    x.submit(1, type::work, 2s);
    x.written(1);
    x.wait(1s);
    x.heard(1);
    CHECK_EQ(x.wait(2s), list({"withdraw 1 from 1", "fail 1: statement_timeout, unknown"}));
    CHECK_EQ(x.wait(1min), list{});
  }
  GIVEN("a request that could not be sent completely in its time") {
    story x{2, {100, 10s, 1s, 4s}};
    x.connected();
    x.submit(1, type::work, 2s);
    CHECK_EQ(x.wait(3s), list({"withdraw 1 from 1", "fail 1: statement_timeout, unknown, or not_sent"}));
    CHECK_EQ(x.wait(1min), list{});
  }
}

SCENARIO("a lost link is replaced at once if it had lasted, and with growing delays otherwise") {
  story x;
  CHECK_EQ(x.connected().lost(1), list({"end sessions of 1", "connect 2 to A"}));
  // From now on, the node greets and crashes.
  duration before{};
  for (uint64_t link = 2; link < 12; ++link) {
    CHECK_EQ(x.opened(link), list{});
    x.now += 10ms;
    CHECK_EQ(x.lost(link), list({"end sessions of " + std::to_string(link)}));
    auto delay = x.core.next_event() - x.now;
    CHECK(delay >= 25ms);
    CHECK(delay <= 2s);
    if (link < 7) {
      CHECK(delay > before / 2);
    } else {
      CHECK(delay >= 800ms);
    }
    before = delay;
    CHECK_EQ(x.next(), list({"connect " + std::to_string(link + 1) + " to A"}));
  }
  x.opened(12);
  x.now += 1min;
  CHECK_EQ(x.lost(12), list({"end sessions of 12", "connect 13 to A"}));
  // It counts from the beginning again.
  x.lost(13);
  CHECK(x.core.next_event() - x.now <= 50ms);
}

SCENARIO("delays between attempts differ from client to client") {
  std::set<duration> seen;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    story x{1, {}, seed};
    x.begin();
    x.lost(1);
    auto delay = x.core.next_event() - x.now;
    CHECK(delay >= 25ms);
    CHECK(delay <= 50ms);
    seen.insert(delay);
  }
  CHECK_GT(seen.size(), 15u);
}

SCENARIO("two nodes that greet and say goodbye in turn are not tried without end") {
  story x{2};
  x.begin();
  uint64_t link = 1;
  size_t attempts = 2;
  for (auto end = x.now + 10s; x.now < end;) {
    x.opened(link);
    x.now += 1ms;
    auto todo = x.leaving(link);
    x.lost(link);
    while (todo.empty())
      todo = x.next();
    attempts += todo.size();
    link = std::stoull(todo.front().substr(8));
  }
  CHECK_LE(attempts, 50u);
}

SCENARIO("a node that says goodbye finishes what it has, and the others go elsewhere") {
  story x{2, {100, 10s, 1s}};
  x.connected();
  x.submit(1);
  x.submit(2);
  x.submit(3, type::bound, 1h, 1);
  for (uint64_t id : {1, 2, 3})
    x.written(id);
  CHECK_EQ(x.leaving(1), list({"connect 3 to B"}));
  CHECK_EQ(x.leaving(1), list{});
  CHECK_EQ(x.submit(4), list{});
  // What it had not begun comes back in order, also from behind.
  CHECK_EQ(x.turned_away(2), list{});
  CHECK_EQ(x.turned_away(2), list{});
  CHECK_EQ(x.turned_away(1), list{});
  CHECK_EQ(x.opened(3), list({"send 1 by 3", "send 2 by 3", "send 4 by 3"}));
  // Its sessions stay.
  CHECK_EQ(x.submit(5, type::bound, 1h, 1), list({"send 5 by 1"}));
  x.written(5);
  CHECK_EQ(*x.core.node_of(link_id{1}), "A");
  x.submit(6, type::harmless);
  CHECK_EQ(x.answered(3), list{});
  CHECK_EQ(x.lost(1), list({"fail 5: pool_gone, unknown", "end sessions of 1"}));
  CHECK(x.core.node_of(link_id{1}) == nullptr);
}

SCENARIO("the first request that is turned away is the goodbye") {
  story x{2};
  x.connected();
  x.submit(1);
  x.written(1);
  CHECK_EQ(x.turned_away(1), list({"connect 3 to B"}));
  CHECK(!x.core.current());
  CHECK_EQ(x.opened(3), list({"send 1 by 3"}));
}

SCENARIO("what comes back from an old link goes to the current one at once") {
  story x{2};
  x.connected();
  x.submit(1);
  x.submit(2, type::harmless);
  x.written(2);
  x.leaving(1);
  x.opened(3);
  CHECK_EQ(x.lost(1), list({"end sessions of 1", "send 1 by 3", "send 2 by 3"}));
}

SCENARIO("a request fails when its time is up, and says what is known") {
  GIVEN("no node") {
    story x;
    x.begin();
    x.submit(1, type::work, 3s);
    x.submit(2, type::work, 1h);
    CHECK(x.core.next_event() == start + 3s);
    CHECK_EQ(x.next(), list({"fail 1: connect_failed, unavailable"}));
    CHECK_EQ(x.failure.failure.text, "no pool node can be reached: A: no answer yet");
    CHECK(x.failure.failure.waited == 3s);
    // Of the client.
    CHECK_EQ(x.next(), list({"fail 2: connect_failed, unavailable"}));
    CHECK(x.now == start + 10s);
  }
  GIVEN("no room on the node") {
    story x;
    x.connected();
    x.submit(1);
    x.submit(2);
    x.submit(3, type::work, 2s);
    CHECK_EQ(x.next(), list({"fail 3: acquire_timeout, unavailable"}));
    CHECK(x.failure.failure.waited == 2s);
  }
  GIVEN("no answer") {
    story x{1, {100, 10s, 1s}};
    x.connected();
    x.submit(1, type::work, 2s);
    x.submit(2, type::work, 2s);
    x.submit(3, type::harmless, 2s);
    x.submit(4, type::query, 2s);
    x.submit(5, type::bound, 2s, 1, outcome::rolled_back);
    x.submit(6, type::bound, 2s, 1, outcome::rolled_back);
    for (uint64_t id : {2, 3, 4, 5})
      x.written(id);
    auto begun = x.now;
    CHECK_EQ(x.next(),
             list({"withdraw 1 from 1", "fail 1: statement_timeout, unknown, or not_sent", "withdraw 2 from 1",
                   "fail 2: statement_timeout, unknown", "withdraw 3 from 1", "fail 3: acquire_timeout, unavailable",
                   "withdraw 4 from 1", "fail 4: acquire_timeout, unavailable", "withdraw 5 from 1",
                   "fail 5: statement_timeout, unknown", "withdraw 6 from 1",
                   "fail 6: statement_timeout, unknown, or not_sent"}));
    CHECK(x.now == begun + 3s);
    CHECK_EQ(x.core.unanswered(), 0u);
  }
  GIVEN("no time at all") {
    story x;
    CHECK_EQ(x.submit(1, type::work, -1s), list({"fail 1: connect_failed, unavailable"}));
    x.connected();
    CHECK_EQ(x.submit(2, type::work, 0s), list({"fail 2: acquire_timeout, unavailable"}));
    CHECK_EQ(x.submit(3, type::bound, 0s, 1), list({"fail 3: statement_timeout, not_sent"}));
    CHECK_EQ(x.core.unanswered(), 0u);
  }
}

SCENARIO("if all nodes refuse this client, requests fail at once") {
  story x{2};
  x.begin();
  CHECK_EQ(x.submit(1), list{});
  CHECK_EQ(x.lost(1, true), list({"end sessions of 1"}));
  CHECK_EQ(x.lost(2, true), list({"end sessions of 2", "fail 1: login_refused, rejected"}));
  CHECK_EQ(x.failure.failure.text, "A: it broke; B: it broke");
  CHECK_EQ(x.submit(2), list({"fail 2: login_refused, rejected"}));
  // It is tried again: somebody may mend it.
  CHECK_EQ(x.wait(1s), list({"connect 3 to A", "connect 4 to B"}));
  CHECK_EQ(x.submit(3), list({"fail 3: login_refused, rejected"}));
  CHECK_EQ(x.opened(3), list({"drop 4"}));
  CHECK_EQ(x.submit(4), list({"send 4 by 3"}));
}

SCENARIO("a query fails as soon as no node can be reached, after an attempt of its own") {
  story x{2};
  x.begin();
  x.lost(1);
  x.lost(2);
  CHECK_EQ(x.submit(1, type::query), list({"connect 3 to A", "connect 4 to B"}));
  x.submit(2);
  CHECK_EQ(x.lost(4), list({"end sessions of 4"}));
  CHECK_EQ(x.lost(3), list({"end sessions of 3", "fail 1: connect_failed, unavailable"}));
  CHECK_EQ(x.core.waiting(), 1u);
}

SCENARIO("a query does not wait for attempts without end") {
  story x{2};
  x.begin();
  x.submit(1, type::query);
  x.now += 1s;
  x.lost(1);
  CHECK_EQ(x.wait(100ms), list({"connect 3 to A"}));
  // There is an attempt under way, but A has had its chance.
  CHECK_EQ(x.lost(2), list({"end sessions of 2", "fail 1: connect_failed, unavailable"}));
}

SCENARIO("a drain lets what was accepted finish, and sessions end, until its time is up") {
  GIVEN("a node") {
    story x;
    x.connected();
    for (uint64_t id = 1; id <= 3; ++id)
      x.submit(id);
    CHECK_EQ(x.drain(5s), list{});
    CHECK(x.core.is_draining());
    CHECK_EQ(x.submit(4), list({"fail 4: shutting_down, unavailable"}));
    CHECK_EQ(x.submit(5, type::query), list({"fail 5: shutting_down, unavailable"}));
    CHECK_EQ(x.submit(6, type::bound, 1h, 1), list({"send 6 by 1"}));
    CHECK_EQ(x.answered(1), list({"send 3 by 1"}));
    CHECK_EQ(x.answered(6), list{});
    x.written(2);
    auto begun = x.now;
    CHECK(!x.core.is_drained());
    CHECK_EQ(x.next(), list({"withdraw 2 from 1", "fail 2: pool_gone, unknown", "withdraw 3 from 1",
                             "fail 3: pool_gone, unknown, or unavailable"}));
    CHECK(x.now == begun + 5s);
    CHECK(x.core.is_drained());
    CHECK_EQ(x.submit(7, type::bound, 1h, 1), list({"fail 7: shutting_down, unavailable"}));
    CHECK(x.core.next_event() == time_point::max());
  }
  GIVEN("no node, and requests") {
    story x;
    x.begin();
    x.submit(1);
    x.submit(2);
    CHECK_EQ(x.drain(5s), list{});
    CHECK_EQ(x.lost(1), list({"end sessions of 1"}));
    CHECK_EQ(x.next(), list({"connect 2 to A"}));
    CHECK_EQ(x.opened(2), list({"send 1 by 2", "send 2 by 2"}));
    CHECK_EQ(x.answered(1), list{});
    CHECK_EQ(x.next(), list({"withdraw 2 from 2", "fail 2: pool_gone, unknown, or unavailable"}));
    CHECK(x.now == start + 5s);
  }
  GIVEN("no node, and nothing to do") {
    story x;
    x.begin();
    x.drain(5s);
    CHECK(x.core.is_drained());
    CHECK_EQ(x.opened(1), list({"drop 1"}));
    CHECK(x.core.next_event() == time_point::max());
  }
  GIVEN("a second drain that is shorter") {
    story x;
    x.connected();
    x.submit(1);
    x.drain(5s);
    x.drain(1s);
    x.drain(20s);
    auto begun = x.now;
    x.next();
    CHECK(x.now == begun + 1s);
    CHECK(x.core.is_drained());
  }
}

SCENARIO("a request that is turned away while this client drains makes room for the next") {
  story x{1, {1, 10s, 1s}};
  x.connected();
  x.submit(1);
  x.submit(2);
  x.drain(5s);
  x.leaving(1);
  CHECK_EQ(x.turned_away(1), list({"fail 1: shutting_down, unavailable"}));
  CHECK_EQ(x.next(), list({"connect 2 to A"}));
  CHECK_EQ(x.opened(2), list({"send 2 by 2"}));
}

SCENARIO("nothing is left of ten thousand requests") {
  story x{1, {10, 10s, 1s}};
  x.connected();
  for (uint64_t id = 1; id <= 10'000; ++id)
    x.submit(id, type::work, id % 3 == 0 ? 5s : 1h);
  CHECK_EQ(x.core.waiting(), 9990u);
  for (uint64_t id = 2; id <= 10'000; id += 2)
    x.cancel(id);
  for (uint64_t id = 1; id <= 10'000; id += 2)
    x.answered(id);
  CHECK_EQ(x.core.waiting(), 0u);
  CHECK_EQ(x.core.unanswered(), 0u);
  CHECK(x.core.next_event() == time_point::max());
}
