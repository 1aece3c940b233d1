#define CAF_SUITE runtime.visitor

#include "runtime/event_loop.hpp"
#include "runtime/visitor.hpp"

#include <memory>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/telemetry/counter.hpp>
#include <caf/test/bdd_dsl.hpp>

using namespace cenote;

namespace {

/// Two loops that nobody runs, and a thread of a scheduler.
struct fixture {
  std::shared_ptr<event_loop> make_loop() { return std::make_shared<event_loop>(&system, &cpu_time, guests::admitted); }

  caf::actor_system_config config;
  caf::actor_system system{config};
  caf::telemetry::dbl_counter cpu_time;
  std::shared_ptr<event_loop> first = make_loop();
  std::shared_ptr<event_loop> second = make_loop();
  visitor self;
};

} // namespace

BEGIN_FIXTURE_SCOPE(fixture)

SCENARIO("a thread visits the loop to which it has sent first since it last had nothing to do") {
  GIVEN("a thread that is not one of a scheduler") {
    THEN("it promises nothing") {
      CHECK(!visitor::promise(*first));
    }
  }
  GIVEN("a thread of a scheduler") {
    self.begin();
    THEN("it has no loop to visit before it has sent to one") {
      CHECK_EQ(self.next(), nullptr);
    }
    WHEN("it sends to two, one after the other") {
      CHECK(visitor::promise(*first));
      CHECK(!visitor::promise(*second));
      CHECK(visitor::promise(*first));
      THEN("it visits the first, and the same again until it has sent to another") {
        CHECK_EQ(self.next(), first);
        CHECK_EQ(self.next(), first);
        CHECK(visitor::promise(*second));
        CHECK(!visitor::promise(*first));
        CHECK_EQ(self.next(), second);
      }
    }
    WHEN("its loop goes") {
      second.reset();
      THEN("there is none to visit, and it promises to visit another") {
        CHECK_EQ(self.next(), nullptr);
        CHECK(visitor::promise(*first));
        CHECK_EQ(self.next(), first);
      }
    }
    WHEN("its loop goes while it owes it a visit") {
      CHECK(visitor::promise(*first));
      first.reset();
      THEN("it may sleep, and work") {
        self.rest();
        CHECK(!visitor::promise(*(second = make_loop())));
        self.work();
        CHECK_EQ(self.next(), nullptr);
      }
    }
  }
}

END_FIXTURE_SCOPE()
