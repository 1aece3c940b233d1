#define CAF_SUITE runtime.run_queue

#include "runtime/event_loop.hpp"
#include "runtime/run_queue.hpp"

#include <algorithm>
#include <atomic>
#include <functional>
#include <latch>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/resumable.hpp>
#include <caf/telemetry/counter.hpp>
#include <caf/test/bdd_dsl.hpp>

using namespace cenote;

namespace {

/// Nobody counts references here.
struct task : caf::resumable {
  resume_result resume(caf::execution_unit*, size_t) override { return done; }
  void intrusive_ptr_add_ref_impl() override {}
  void intrusive_ptr_release_impl() override {}

  std::atomic<int> taken = 0;
};

/// A job of a loop.
struct left_behind : task {
  explicit left_behind(std::function<void()> f = [] {}) : when_dropped{std::move(f)} {
    // nop
  }

  subtype_t subtype() const override { return function_object; }
  void intrusive_ptr_release_impl() override { when_dropped(); }

  std::function<void()> when_dropped;
};

} // namespace

SCENARIO("jobs are taken in their order") {
  GIVEN("a queue with three") {
    run_queue queue;
    visitor self;
    std::vector<task> tasks(3);
    for (auto& x : tasks)
      queue.add(&x);
    WHEN("a thread takes them") {
      THEN("the oldest comes first, and when the queue is empty, there is none") {
        CHECK_EQ(queue.take(self), &tasks[0]);
        CHECK_EQ(queue.try_take(), &tasks[1]);
        CHECK_EQ(queue.take(self), &tasks[2]);
        CHECK_EQ(queue.try_take(), nullptr);
      }
    }
  }
}

SCENARIO("no job is lost, and no thread sleeps on") {
  GIVEN("threads that take jobs, and others that add them, one at a time or several at once") {
    constexpr size_t takers = 4, adders = 3, rounds = 5'000;
    run_queue queue;
    std::vector<task> tasks(adders * rounds);
    std::vector<task> ends(takers);
    std::vector<std::thread> threads;
    std::atomic<size_t> taken = 0;
    for (size_t i = 0; i < takers; ++i)
      threads.emplace_back([&] {
        visitor self;
        for (;;) {
          auto job = static_cast<task*>(queue.take(self));
          ++job->taken;
          if (job >= ends.data() && job < ends.data() + takers)
            return;
          ++taken;
        }
      });
    WHEN("each adder waits now and then until all its jobs are taken") {
      std::latch begin{adders};
      std::vector<std::thread> adding;
      for (size_t i = 0; i < adders; ++i)
        adding.emplace_back([&, i] {
          begin.arrive_and_wait();
          for (size_t j = 0; j < rounds; ++j) {
            auto& job = tasks[i * rounds + j];
            queue.add(&job);
            while (j % 3 == 0 && job.taken == 0) // The takers fall asleep.
              std::this_thread::yield();
          }
        });
      for (auto& x : adding)
        x.join();
      for (auto& x : ends)
        queue.add(&x);
      for (auto& x : threads)
        x.join();
      THEN("each was taken once") {
        CHECK_EQ(taken, tasks.size());
        CHECK(std::ranges::all_of(tasks, [](auto& x) { return x.taken == 1; }));
      }
    }
  }
}

SCENARIO("a loop that has gone is not called") {
  GIVEN("a thread that sends to loops, one after the other, and so visits them") {
    caf::actor_system_config config;
    caf::actor_system system{config};
    caf::telemetry::dbl_counter cpu_time;
    run_queue queue;
    task send, end, another;
    left_behind sent;
    std::shared_ptr<event_loop> loop;
    std::atomic<bool> is_sent = false;
    std::thread visiting{[&] {
      visitor self;
      for (auto job = queue.take(self); job != &end; job = queue.take(self))
        if (job == &send) {
          loop->exec_later(&sent);
          is_sent = true;
        }
    }};
    WHEN("nobody but its visitor needs a loop any more, and there is a new job while it goes") {
      auto gone_in_visits = 0;
      std::atomic<bool> is_gone = false;
      left_behind in_pipe{[&] { // The loop's base class drops it.
        if (std::this_thread::get_id() == visiting.get_id()) {
          ++gone_in_visits;
          queue.add(&another);
        }
        is_gone = true;
      }};
      for (auto i = 0; gone_in_visits == 0 && i < 1'000'000; ++i) {
        is_sent = is_gone = false;
        loop = std::make_shared<event_loop>(&system, &cpu_time, guests::admitted);
        loop->default_multiplexer::exec_later(&in_pipe);
        queue.add(&send);
        while (!is_sent)
          std::this_thread::yield();
        for (auto j = 0; loop.use_count() == 1 && j < 10'000;)
          ++j; // The visit begins in a moment.
        loop.reset();
        while (!is_gone)
          std::this_thread::yield();
      }
      queue.add(&end);
      visiting.join();
      THEN("the queue does not call the loop") { // A sanitizer would notice.
        CHECK_EQ(gone_in_visits, 1);
      }
    }
  }
}
