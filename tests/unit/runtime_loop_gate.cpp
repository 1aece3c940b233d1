#define CAF_SUITE runtime.loop_gate

#include "runtime/loop_gate.hpp"

#include <atomic>
#include <functional>
#include <thread>
#include <utility>
#include <vector>

#include <caf/ref_counted.hpp>
#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace std::chrono_literals;

namespace {

class task : public caf::resumable, public caf::ref_counted {
public:
  explicit task(std::function<void()> f) : f_{std::move(f)} {
    // nop
  }

  resume_result resume(caf::execution_unit*, size_t) override {
    f_();
    return done;
  }

  void intrusive_ptr_add_ref_impl() override { ref(); }
  void intrusive_ptr_release_impl() override { deref(); }

private:
  std::function<void()> f_;
};

loop_gate::job make_job(std::function<void()> f) {
  return {new task{std::move(f)}, false};
}

loop_gate::job make_job() {
  return make_job([] {});
}

/// What a thread does that runs the loop.
void run_jobs(loop_gate& gate) {
  std::vector<loop_gate::job> jobs;
  gate.take(jobs);
  for (auto& job : jobs)
    job->resume(nullptr, 0);
}

struct fixture {
  int woken = 0;
  loop_gate gate{[this] { ++woken; }};
  loop_gate::clock::time_point now{1h};

  /// Makes the loop's own thread let guests in next time.
  void ask_twice() {
    CHECK(!gate.enter(now));
    CHECK(!gate.enter(now));
  }

  /// Runs `f` inside the loop, as a guest, and waits until the loop's own thread runs it again.
  void visit(const std::function<void()>& f) {
    std::atomic<bool> over = false;
    std::thread own{[&] {
      while (!over) { // It is patient for a moment only.
        gate.admit_guests();
        std::this_thread::yield();
      }
    }};
    while (!gate.enter(now))
      std::this_thread::yield();
    over = true;
    f();
    own.join();
  }
};

} // namespace

BEGIN_FIXTURE_SCOPE(fixture)

SCENARIO("other threads leave jobs for a loop") {
  GIVEN("a loop that does not sleep") {
    WHEN("two jobs are left") {
      auto first = make_job();
      auto second = make_job();
      gate.leave(first);
      gate.leave(second);
      THEN("it is not woken, must not sleep, and takes them in their order, behind those that it has") {
        CHECK_EQ(woken, 0);
        CHECK(!gate.begin_sleep());
        auto own = make_job();
        std::vector<loop_gate::job> jobs{own};
        gate.take(jobs);
        CHECK((jobs == std::vector{own, first, second}));
        CHECK(gate.begin_sleep());
      }
    }
  }
  GIVEN("a loop that sleeps") {
    WHEN("several jobs are left") {
      gate.leave(make_job());
      gate.leave(make_job());
      gate.knock();
      THEN("it is woken once") {
        CHECK_EQ(woken, 1);
        std::vector<loop_gate::job> jobs;
        gate.take(jobs);
        CHECK_EQ(jobs.size(), 2u);
        CHECK(!gate.begin_sleep()); // Somebody has knocked.
      }
    }
    WHEN("somebody knocks when it sleeps again") {
      CHECK(gate.begin_sleep());
      gate.knock();
      THEN("it is woken again") {
        CHECK_EQ(woken, 2);
      }
    }
    WHEN("somebody knocks while it is awake") {
      std::vector<loop_gate::job> none;
      gate.take(none);
      gate.knock();
      THEN("it does not fall asleep before it has looked around once") {
        CHECK_EQ(woken, 2);
        CHECK(!gate.begin_sleep());
        CHECK(gate.begin_sleep());
      }
    }
  }
}

SCENARIO("guests are not let in before they come one soon after the other") {
  GIVEN("a loop that its own thread runs") {
    WHEN("guests come, the second long after the first, while nothing is under way") {
      CHECK(!gate.enter(now));
      CHECK(!gate.enter(now + loop_gate::patience));
      gate.admit_guests();
      THEN("its thread goes on at once") {
        CHECK(!gate.enter(now + 1h));
      }
    }
    WHEN("two come soon, but there is a job") {
      ask_twice();
      gate.leave(make_job());
      gate.admit_guests();
      THEN("its thread goes on at once") {
        CHECK(!gate.enter(now + 2h));
      }
    }
  }
}

SCENARIO("guests run the loop, one at a time") {
  GIVEN("a loop whose own thread lets guests in") {
    WHEN("a guest has entered") {
      auto second_entered = true;
      auto jobs_of_guest = 0;
      visit([&] {
        second_entered = gate.enter(now);
        gate.leave(make_job([&] { ++jobs_of_guest; }));
        run_jobs(gate);
        gate.exit(true);
      });
      THEN("no other can, and it gets the jobs") {
        CHECK(!second_entered);
        CHECK_EQ(jobs_of_guest, 1);
      }
    }
    WHEN("it goes although something is under way") {
      auto next_entered = true;
      visit([&] {
        gate.exit(false);
        next_entered = gate.enter(now);
      });
      THEN("the loop's own thread is next") {
        CHECK(!next_entered);
      }
    }
    WHEN("it goes and leaves a job") {
      auto next_entered = true;
      visit([&] {
        gate.leave(make_job());
        gate.exit(true);
        next_entered = gate.enter(now);
      });
      THEN("the loop's own thread is next, and finds the job") {
        CHECK(!next_entered);
        CHECK(!gate.begin_sleep());
        run_jobs(gate);
      }
    }
    WHEN("it has been there for long, and goes") {
      visit([&] {
        std::this_thread::sleep_for(5 * loop_gate::patience);
        gate.exit(true);
      });
      THEN("the loop's own thread, which had stopped to look for guests, was told") {
        CHECK(!gate.enter(now)); // Otherwise it would not have come back at all.
      }
    }
    WHEN("none comes any more") {
      visit([&] { gate.exit(true); });
      THEN("the loop's own thread runs it again") {
        CHECK(!gate.enter(now));
      }
    }
  }
  GIVEN("a loop that nobody runs") {
    WHEN("a job is left") {
      auto next_entered = true;
      visit([&] {
        gate.exit(true);
        gate.leave(make_job());
        next_entered = gate.enter(now);
      });
      THEN("the loop's own thread is next") {
        CHECK(!next_entered);
      }
    }
  }
}

SCENARIO("each job is done once, by one thread at a time") {
  GIVEN("three threads that leave jobs, of which two are guests whenever they can") {
    constexpr auto rounds = 20'000;
    auto done = 0; // Not atomic: of the thread that runs the loop.
    std::atomic<int> inside = 0, together = 0, visits = 0;
    std::atomic<bool> over = false;
    auto work = [&] {
      if (++inside != 1)
        ++together;
      run_jobs(gate);
      --inside;
    };
    WHEN("they have left them all") {
      auto leave_all = [&](bool guest) {
        for (auto i = 0; i < rounds; ++i) {
          gate.leave(make_job([&] { ++done; }));
          if (guest && gate.enter(loop_gate::clock::now())) {
            ++visits;
            work();
            gate.exit(i % 3 != 0);
          }
        }
      };
      std::thread own{[&] {
        while (!over) {
          work();
          gate.admit_guests();
        }
        work();
      }};
      std::vector<std::thread> others;
      for (auto i = 0; i < 3; ++i)
        others.emplace_back(leave_all, i > 0);
      for (auto& x : others)
        x.join();
      while (visits == 0) // On a machine that ran the threads one after the other.
        leave_all(true);
      auto expected = 3 * rounds;
      over = true;
      gate.leave(make_job());
      own.join();
      THEN("none is lost, none done twice, and never did two threads run the loop") {
        CHECK_EQ(done % rounds, 0);
        CHECK(done >= expected);
        CHECK_EQ(together, 0);
        CHECK(visits > 0);
      }
    }
  }
}

END_FIXTURE_SCOPE()
