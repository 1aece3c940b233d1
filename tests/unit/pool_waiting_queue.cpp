#define CAF_SUITE pool.waiting_queue

#include "pool/waiting_queue.hpp"

#include "support/heap.hpp"

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::pool;
using namespace std::chrono_literals;

namespace {

constexpr auto noon = time_point{12h};

request make(uint64_t id, bool fail_fast = false) {
  request result;
  result.id = request_id{id};
  result.fail_fast = fail_fast;
  return result;
}

/// Zero stands for "nobody".
uint64_t number(const std::optional<request>& x) {
  return x ? static_cast<uint64_t>(x->id) : 0;
}

std::vector<uint64_t> pop_all(waiting_queue& queue) {
  std::vector<uint64_t> result;
  while (auto next = queue.pop())
    result.push_back(number(next));
  return result;
}

std::vector<uint64_t> pop_expired_until(waiting_queue& queue, time_point now) {
  std::vector<uint64_t> result;
  while (auto next = queue.pop_expired(now))
    result.push_back(number(next));
  return result;
}

using numbers = std::vector<uint64_t>;

} // namespace

SCENARIO("an empty queue has nobody and no deadline") {
  GIVEN("a queue into which nobody came") {
    waiting_queue queue;
    WHEN("it is asked for somebody") {
      THEN("there is nobody") {
        CHECK(queue.empty());
        CHECK_EQ(queue.size(), 0u);
        CHECK_EQ(number(queue.pop()), 0u);
        CHECK_EQ(number(queue.pop_fail_fast()), 0u);
        CHECK_EQ(number(queue.pop_expired(time_point::max() - 1ns)), 0u);
        CHECK(queue.next_deadline() == time_point::max());
      }
    }
  }
}

SCENARIO("requests are served in the order in which they came, whatever their deadlines") {
  GIVEN("three requests, the last of which has least time") {
    waiting_queue queue;
    queue.push_back(make(1), noon + 3s);
    queue.push_back(make(2), noon + 2s);
    queue.push_back(make(3), noon + 1s);
    CHECK_EQ(queue.size(), 3u);
    WHEN("they are taken out") {
      auto order = pop_all(queue);
      THEN("the first comes first") {
        CHECK_EQ(order, numbers({1, 2, 3}));
        CHECK(queue.empty());
      }
    }
  }
}

SCENARIO("requests that come back go before all others") {
  GIVEN("two that wait, and two that come back one after the other") {
    waiting_queue queue;
    queue.push_back(make(1), noon);
    queue.push_back(make(2), noon);
    queue.push_front(make(3), noon);
    queue.push_front(make(4), noon);
    WHEN("they are taken out") {
      auto order = pop_all(queue);
      THEN("those that came back are first, the last of them before the others") {
        CHECK_EQ(order, numbers({4, 3, 1, 2}));
      }
    }
  }
}

SCENARIO("a request keeps what it came with") {
  GIVEN("a request with all its fields set") {
    waiting_queue queue;
    queue.push_back({request_id{7}, noon, noon + 5s, true, 3}, noon + 4s);
    WHEN("it is taken out") {
      auto first = queue.pop();
      THEN("nothing has changed") {
        REQUIRE(first.has_value());
        CHECK(first->id == request_id{7});
        CHECK(first->accepted == noon);
        CHECK(first->deadline == noon + 5s);
        CHECK(first->fail_fast);
        CHECK_EQ(first->attempts, 3u);
      }
    }
  }
}

SCENARIO("requests expire earliest deadline first") {
  GIVEN("requests with deadlines in no order") {
    waiting_queue queue;
    queue.push_back(make(1), noon + 30s);
    queue.push_back(make(2), noon + 10s);
    queue.push_back(make(3), noon + 20s);
    queue.push_back(make(4), noon + 40s);
    WHEN("half of the time is over") {
      auto expired = pop_expired_until(queue, noon + 25s);
      THEN("those whose time is up are out, and the others wait on in their order") {
        CHECK_EQ(expired, numbers({2, 3}));
        CHECK_EQ(queue.size(), 2u);
        CHECK(queue.next_deadline() == noon + 30s);
        CHECK_EQ(pop_all(queue), numbers({1, 4}));
      }
    }
  }
}

SCENARIO("a request expires at its deadline and not a moment before") {
  GIVEN("a request") {
    waiting_queue queue;
    queue.push_back(make(1), noon);
    WHEN("the time is one nanosecond short of its deadline, and then there") {
      auto before = queue.pop_expired(noon - 1ns);
      auto at = queue.pop_expired(noon);
      THEN("it expires only then") {
        CHECK_EQ(number(before), 0u);
        CHECK_EQ(number(at), 1u);
      }
    }
  }
}

SCENARIO("a request that left does not expire any more") {
  GIVEN("three requests, the first two of which were served") {
    waiting_queue queue;
    queue.push_back(make(1), noon + 1s);
    queue.push_back(make(2), noon + 2s);
    queue.push_back(make(3), noon + 3s);
    queue.pop();
    queue.pop();
    WHEN("all the time is over") {
      auto next = queue.next_deadline();
      auto expired = pop_expired_until(queue, noon + 1h);
      THEN("only the one that still waits expires") {
        CHECK(next == noon + 3s);
        CHECK_EQ(expired, numbers({3}));
        CHECK(queue.next_deadline() == time_point::max());
      }
    }
  }
}

SCENARIO("a place at the front that is taken again does not inherit a deadline") {
  GIVEN("a request with little time that was served from the front, and one that came back to the same place") {
    waiting_queue queue;
    queue.push_back(make(1), noon + 1h);
    queue.push_front(make(2), noon + 1s);
    queue.pop();
    queue.push_front(make(3), noon + 2h);
    WHEN("the time of the first is up") {
      auto expired = queue.pop_expired(noon + 1s);
      THEN("nobody expires") {
        CHECK_EQ(number(expired), 0u);
        CHECK(queue.next_deadline() == noon + 1h);
        CHECK_EQ(pop_all(queue), numbers({3, 1}));
      }
    }
  }
}

SCENARIO("fail-fast requests can be taken out of the middle") {
  GIVEN("fail-fast requests between others") {
    waiting_queue queue;
    queue.push_back(make(1), noon + 5s);
    queue.push_back(make(2, true), noon + 1s);
    queue.push_back(make(3), noon + 4s);
    queue.push_back(make(4, true), noon + 2s);
    queue.push_front(make(5, true), noon + 3s);
    WHEN("the fail-fast ones are taken") {
      numbers fail_fast;
      while (auto next = queue.pop_fail_fast())
        fail_fast.push_back(number(next));
      THEN("they come in the order of the queue, and the others stay") {
        CHECK_EQ(fail_fast, numbers({5, 2, 4}));
        CHECK_EQ(queue.size(), 2u);
        CHECK(queue.next_deadline() == noon + 4s);
        CHECK_EQ(pop_all(queue), numbers({1, 3}));
      }
    }
  }
}

SCENARIO("a fail-fast request that was served or has expired is not fail-fast any more") {
  GIVEN("three fail-fast requests, one of which was served and one of which expired") {
    waiting_queue queue;
    queue.push_back(make(1, true), noon + 5s);
    queue.push_back(make(2, true), noon + 1s);
    queue.push_back(make(3, true), noon + 5s);
    CHECK_EQ(number(queue.pop()), 1u);
    CHECK_EQ(number(queue.pop_expired(noon + 1s)), 2u);
    WHEN("the fail-fast ones are asked for") {
      auto first = queue.pop_fail_fast();
      auto second = queue.pop_fail_fast();
      THEN("the one that waits is the only one") {
        CHECK_EQ(number(first), 3u);
        CHECK_EQ(number(second), 0u);
        CHECK(queue.empty());
      }
    }
  }
}

SCENARIO("a queue of 100000 gives back its memory when it is empty") {
  GIVEN("100000 requests with deadlines that do not come in order") {
    waiting_queue queue;
    auto before = test::heap_in_use();
    for (uint64_t i = 1; i <= 100'000; ++i)
      queue.push_back(make(i), noon + std::chrono::milliseconds{i * 7919 % 100'003});
    auto full = test::heap_in_use() - before;
    CHECK_EQ(queue.size(), 100'000u);
    WHEN("all are served") {
      auto order = pop_all(queue);
      THEN("each was served in its turn, and what is left is small") {
        CHECK_EQ(order.size(), 100'000u);
        CHECK(std::ranges::is_sorted(order));
        order = numbers();
        CHECK_LT(full, 100'000u * 256);
        CHECK_LT(test::heap_in_use(), before + full / 2);
      }
    }
  }
}

SCENARIO("a busy queue does not grow with the number of requests that pass through it") {
  GIVEN("a queue of ten that all have much time") {
    waiting_queue queue;
    uint64_t id = 0;
    while (queue.size() < 10)
      queue.push_back(make(++id), noon + 1h);
    auto before = test::heap_in_use();
    WHEN("a million requests come and are served") {
      for (auto i = 0; i < 1'000'000; ++i) {
        queue.push_back(make(++id), noon + 1h);
        queue.pop();
      }
      THEN("it holds no more than before, but for some room to breathe") {
        CHECK_EQ(queue.size(), 10u);
        CHECK_LT(test::heap_in_use(), before + 64 * 1024);
      }
    }
  }
}

SCENARIO("a request with much time at the head does not make the queue keep those behind it that have left") {
  GIVEN("a request that may wait for an hour") {
    waiting_queue queue;
    queue.push_back(make(1), noon + 1h);
    auto before = test::heap_in_use();
    WHEN("a million others with little time come and expire behind it") {
      auto now = noon;
      auto expired = 0;
      for (uint64_t id = 2; id < 1'000'002; ++id) {
        queue.push_back(make(id), now + 5us);
        now += 1us;
        expired += queue.pop_expired(now).has_value();
      }
      THEN("the queue has not grown") {
        CHECK_EQ(expired, 1'000'000 - 4);
        CHECK_LT(test::heap_in_use(), before + 64 * 1024);
        CHECK_EQ(number(queue.pop()), 1u);
      }
    }
  }
}

SCENARIO("a request at the head does not make fail-fast ones behind it slow") {
  GIVEN("100000 requests that wait") {
    waiting_queue queue;
    for (uint64_t id = 1; id <= 100'000; ++id)
      queue.push_back(make(id), noon + 1h);
    auto before = test::heap_in_use();
    WHEN("a million fail-fast ones come and are taken out") {
      // Going through the whole queue for each would take longer than this suite may.
      uint64_t taken = 0;
      for (uint64_t id = 100'001; id <= 1'100'000; ++id) {
        queue.push_back(make(id, true), noon + 1h);
        taken += number(queue.pop_fail_fast()) == id;
      }
      THEN("all were found, and the queue has not grown") {
        CHECK_EQ(taken, 1'000'000u);
        CHECK_EQ(queue.size(), 100'000u);
        CHECK_LT(test::heap_in_use(), before + before / 2 + 8 * 1024 * 1024);
      }
    }
  }
}
