#define CAF_SUITE runtime.run_queue

#include "runtime/run_queue.hpp"

#include <algorithm>
#include <atomic>
#include <latch>
#include <thread>
#include <vector>

#include <caf/resumable.hpp>
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
