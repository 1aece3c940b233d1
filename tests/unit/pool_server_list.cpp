#define CAF_SUITE pool.server_list

#include "pool/server_list.hpp"

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::pool;
using namespace std::chrono_literals;

namespace {

constexpr auto start = time_point{1h};
using server = std::optional<size_t>;

failure because(errc code = errc::connect_failed) {
  failure result;
  result.code = code;
  return result;
}

server_list list_of(size_t count) {
  return {pool_settings{}, count};
}

/// Servers of which each has been tried once and has failed now.
server_list all_down(size_t count) {
  auto result = list_of(count);
  for (size_t i = 0; i < count; ++i) {
    result.begin(start);
    result.failed(i, because(), start, 0.0);
  }
  return result;
}

} // namespace

SCENARIO("a server that has not yet accepted a connect gets one at a time") {
  GIVEN("one server that is being tried") {
    auto xs = list_of(1);
    CHECK_EQ(xs.begin(start), server{0});
    WHEN("another connect is wanted before and after the first one succeeds") {
      auto before = xs.begin(start + 1h);
      auto next = xs.next_attempt();
      xs.succeeded(0);
      THEN("only the end of the first one permits more") {
        CHECK_EQ(before, std::nullopt);
        CHECK(next == time_point::max());
        CHECK_EQ(xs.begin(start), server{0});
        CHECK_EQ(xs.begin(start), server{0});
        CHECK(xs.next_attempt() == time_point::min());
      }
    }
  }
}

SCENARIO("the next server is tried at once when one fails") {
  GIVEN("three servers") {
    auto xs = list_of(3);
    WHEN("one after the other fails") {
      std::vector<server> tried;
      std::vector<bool> down;
      for (size_t i = 0; i < 3; ++i) {
        tried.push_back(xs.begin(start));
        xs.failed(i, because(), start, 0.0);
        down.push_back(xs.down() != nullptr);
      }
      THEN("all have been tried, and then the first one is due after its delay") {
        CHECK_EQ(tried, std::vector<server>({0, 1, 2}));
        CHECK_EQ(down, std::vector<bool>({false, false, true}));
        CHECK_EQ(xs.begin(start + 100ms - 1ns), std::nullopt);
        CHECK(xs.next_attempt() == start + 100ms);
        CHECK_EQ(xs.begin(start + 100ms), server{0});
      }
    }
  }
}

SCENARIO("a server that does not answer holds up the next one for a second") {
  GIVEN("three servers, the first of which is being tried") {
    auto xs = list_of(3);
    xs.begin(start);
    WHEN("it does not answer, and neither does the second one") {
      auto before = xs.begin(start + 1s - 1ns);
      auto due = xs.next_attempt();
      auto second = xs.begin(start + 1s);
      auto early = xs.begin(start + 2s - 1ns);
      auto third = xs.begin(start + 2s);
      THEN("each gets its second, and then nothing is left to try") {
        CHECK_EQ(before, std::nullopt);
        CHECK(due == start + 1s);
        CHECK_EQ(second, server{1});
        CHECK_EQ(early, std::nullopt);
        CHECK_EQ(third, server{2});
        CHECK_EQ(xs.begin(start + 1h), std::nullopt);
        CHECK(xs.next_attempt() == time_point::max());
      }
    }
  }
}

SCENARIO("the server that accepts connects is used, until it fails") {
  GIVEN("three servers, the second of which is in use") {
    auto xs = list_of(3);
    xs.begin(start);
    xs.failed(0, because(), start, 0.0);
    xs.begin(start);
    xs.succeeded(1);
    WHEN("connects are wanted, and then it fails") {
      auto later = xs.begin(start + 1h);
      xs.failed(1, because(), start + 1h, 0.0);
      auto next = xs.begin(start + 1h);
      THEN("it is used though the first one could be tried, and then they are tried in their order") {
        CHECK_EQ(later, server{1});
        CHECK_EQ(next, server{0});
      }
    }
  }
}

SCENARIO("a late success does not take the place of the server in use") {
  GIVEN("two servers, the first of which did not answer so that the second one is in use") {
    auto xs = list_of(2);
    xs.begin(start);
    CHECK_EQ(xs.begin(start + 1s), server{1});
    xs.succeeded(1);
    WHEN("the first one answers at last") {
      xs.succeeded(0);
      THEN("the second one stays in use") {
        CHECK_EQ(xs.begin(start + 2s), server{1});
      }
    }
  }
}

SCENARIO("after a loss the server in use is tried first and alone") {
  GIVEN("two servers, the first of which is in use") {
    auto xs = list_of(2);
    xs.begin(start);
    xs.succeeded(0);
    WHEN("a connection to it is lost") {
      xs.doubt(0, start + 1s);
      auto first = xs.begin(start + 1s);
      auto second = xs.begin(start + 1s);
      THEN("one connect goes there and the next one has to wait") {
        CHECK_EQ(first, server{0});
        CHECK_EQ(second, std::nullopt);
        CHECK(xs.next_attempt() == start + 2s);
      }
    }
  }
}

SCENARIO("a server that has become read-only is left, and its connects under way still count") {
  GIVEN("two servers, the first of which is in use and has a connect under way") {
    auto xs = list_of(2);
    xs.begin(start);
    xs.succeeded(0);
    xs.begin(start);
    WHEN("it becomes read-only") {
      xs.demoted(0, because(errc::read_only_server), start, 0.0);
      auto early = xs.begin(start);
      xs.ended(0);
      THEN("the other one is tried when that connect has ended, and it comes back after its delay") {
        CHECK_EQ(early, std::nullopt);
        CHECK_EQ(xs.begin(start), server{1});
        CHECK(xs.next_attempt() == start + 100ms);
      }
    }
  }
}

SCENARIO("the state of all servers is that of the best one") {
  GIVEN("two servers whose logins are refused") {
    auto xs = all_down(2);
    CHECK_EQ(xs.state(), breaker_state::closed);
    CHECK_EQ(xs.begin(start + 1s), server{0});
    xs.failed(0, because(errc::login_refused), start + 1s, 0.0);
    CHECK_EQ(xs.state(), breaker_state::closed);
    CHECK_EQ(xs.begin(start + 1s), server{1});
    xs.failed(1, because(errc::login_refused), start + 1s, 0.0);
    WHEN("the second attempt begins and succeeds") {
      auto open = xs.state();
      xs.begin(start + 6s);
      auto half_open = xs.state();
      xs.succeeded(0);
      THEN("it goes from open to closed") {
        CHECK_EQ(open, breaker_state::open);
        CHECK_EQ(half_open, breaker_state::half_open);
        CHECK_EQ(xs.state(), breaker_state::closed);
        CHECK(xs.down() == nullptr);
      }
    }
  }
}

SCENARIO("the reason why no connect succeeds is the last failure") {
  GIVEN("two servers that are down") {
    auto xs = all_down(2);
    WHEN("the first one is full when it is tried again") {
      xs.begin(start + 1s);
      xs.failed(0, because(errc::server_full), start + 1s, 0.0);
      THEN("that is the reason") {
        CHECK_EQ(xs.down()->code, errc::server_full);
      }
    }
  }
}
