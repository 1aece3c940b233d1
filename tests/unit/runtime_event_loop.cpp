#define CAF_SUITE runtime.event_loop

#include "runtime/event_loop.hpp"

#include <atomic>
#include <memory>
#include <thread>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/telemetry/counter.hpp>
#include <caf/test/bdd_dsl.hpp>

using namespace cenote;

namespace {

struct fixture {
  caf::actor_system_config config;
  caf::actor_system system{config};
  caf::telemetry::dbl_counter cpu_time;
};

} // namespace

BEGIN_FIXTURE_SCOPE(fixture)

SCENARIO("an event loop ends, whoever runs it") {
  GIVEN("loops that a thread visits again and again, as one of the scheduler's does that has nothing to do") {
    WHEN("the last owner of each goes, at a moment when the visitor may enter") {
      auto ended = 0;
      for (auto i = 0; i < 100; ++i) {
        auto loop = std::make_shared<event_loop>(&system, &cpu_time, guests::admitted);
        auto owner = loop->make_supervisor();
        std::atomic<bool> runs = false, over = false;
        std::thread own{[&] {
          loop->thread_id(std::this_thread::get_id());
          runs = true;
          loop->run();
          over = true;
        }};
        while (!runs)
          std::this_thread::yield();
        std::atomic<int> has_jobs = 1;
        for (auto j = 0; j < 2; ++j)
          loop->run_while_idle(has_jobs);
        owner.reset();
        has_jobs = 0;
        while (!over)
          loop->run_while_idle(has_jobs);
        own.join();
        ++ended;
      }
      THEN("it comes to its end") { // Otherwise this test would not.
        CHECK_EQ(ended, 100);
      }
    }
  }
}

END_FIXTURE_SCOPE()
