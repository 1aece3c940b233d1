#include "runtime/event_loop.hpp"

#include "runtime/logger_guard.hpp"
#include "runtime/visitor.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/config_value.hpp>
#include <caf/defaults.hpp>
#include <caf/execution_unit.hpp>
#include <caf/ref_counted.hpp>
#include <caf/resumable.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>

#include <algorithm>
#include <atomic>
#include <ctime>
#include <thread>
#include <utility>

namespace cenote {

namespace {

/// How many times in a row actors of the loop run that others have woken, before the sockets are looked at: enough for
/// a request to go through a repository, a retrier and the pool to a connection.
constexpr int max_ready_rounds = 8;

/// After so many turns of actors no further round begins.
constexpr size_t max_ready_turns = 64;

/// The largest number of actors that wait to be handed over together.
constexpr size_t max_batch = 16;

/// From this many expected answers on, wake-ups are batched: the server has enough to do meanwhile.
constexpr size_t many_expected = 32;

/// The share of the expected answers that should arrive during a pause, so that the server never runs out of work.
constexpr double share_of_pause = 0.25;

constexpr std::chrono::nanoseconds min_pause = std::chrono::microseconds{20};
constexpr std::chrono::nanoseconds max_pause = std::chrono::microseconds{300};

/// How often the thread's CPU time is read at most: that costs a system call.
constexpr std::chrono::nanoseconds measuring_interval = std::chrono::milliseconds{100};

std::chrono::nanoseconds read_clock(clockid_t id) {
  timespec now{};
  clock_gettime(id, &now);
  return std::chrono::seconds{now.tv_sec} + std::chrono::nanoseconds{now.tv_nsec};
}

/// Several actors as one job of the scheduler: the thread that gets the job queues them, without contention.
class batch : public caf::resumable, public caf::ref_counted {
public:
  explicit batch(std::vector<caf::resumable*> actors) : actors_{std::move(actors)} {
    // nop
  }

  /// A scheduler that stops drops its jobs.
  ~batch() override {
    for (auto actor : actors_)
      intrusive_ptr_release(actor);
  }

  resume_result resume(caf::execution_unit* thread, size_t) override {
    for (auto actor : std::exchange(actors_, {}))
      thread->exec_later(actor);
    return done;
  }

  void intrusive_ptr_add_ref_impl() override { ref(); }
  void intrusive_ptr_release_impl() override { deref(); }

private:
  std::vector<caf::resumable*> actors_;
};

/// Wakes a loop that sleeps at its sockets, through its pipe, and does nothing else.
class bell : public caf::resumable {
public:
  subtype_t subtype() const override { return function_object; }
  resume_result resume(caf::execution_unit*, size_t) override { return done; }

  // One for all loops: it never ends.
  void intrusive_ptr_add_ref_impl() override {}
  void intrusive_ptr_release_impl() override {}
};

bell the_bell;

std::atomic<uint64_t> loops_made = 0;

/// The loop that this thread runs at the moment.
thread_local event_loop* running_loop = nullptr;

} // namespace

event_loop::event_loop(caf::actor_system* sys, caf::telemetry::dbl_counter* cpu_time, guests visitors)
    : default_multiplexer{sys},
      number_{++loops_made},
      visitors_{visitors},
      gate_{[this] { default_multiplexer::exec_later(&the_bell); }},
      max_messages_{
          caf::get_or(sys->config(), "caf.scheduler.max-throughput", caf::defaults::scheduler::max_throughput)},
      cpu_time_{cpu_time} {
  // nop
}

event_loop::~event_loop() {
  if (has_to_wake())
    hand_over();
}

/// The CPU time is read by the coarse clock, which is exact to some milliseconds and costs 5 ns; a loop that sleeps
/// uses no CPU time.
void event_loop::run() {
  running_loop = this;
  while (num_socket_handlers() > 0) {
    turn();
    pause();
    if (visitors_ == guests::admitted && is_idle() && num_socket_handlers() > 0)
      gate_.admit_guests();
    if (auto now = read_clock(CLOCK_MONOTONIC_COARSE); now >= next_measurement_) {
      next_measurement_ = now + measuring_interval;
      measure();
    }
  }
  measure();
  running_loop = nullptr;
}

template <class F>
bool event_loop::run_as_guest(F f) {
  if (!gate_.enter(loop_gate::clock::now()))
    return false;
  logger_guard logger;
  auto outer = std::exchange(running_loop, this);
  try {
    f();
    hand_over();
  } catch (...) { // No memory.
    if (ready_.empty())
      ready_.swap(running_); // What was still to run.
    running_loop = outer;
    gate_.exit(false);
    throw;
  }
  running_loop = outer;
  return true;
}

bool event_loop::run_until_answered(const std::function<void()>& ask, const std::atomic<int>& answered) {
  auto asked = false;
  try {
    auto ran = run_as_guest([&] {
      ask();
      asked = true;
      run_ready();
      while (answered == 0 && num_socket_handlers() > 0) {
        turn();
        if (answered == 0)
          pause();
      }
    });
    if (ran)
      gate_.exit(is_idle() && num_socket_handlers() > 0);
    return ran;
  } catch (...) {
    if (!asked)
      throw;
    return true; // No memory. The loop's own thread brings the answer.
  }
}

bool event_loop::run_while_idle(const std::atomic<int>& has_jobs) {
  auto makes_room = false;
  auto ran = run_as_guest([&] {
    gate_.take(ready_);
    run_ready();
    // No waiting then. But others may wait for what has arrived at the sockets; and a loop that has ended is not woken.
    if (has_jobs != 0 || num_socket_handlers() == 0)
      gate_.knock();
    do {
      turn();
      if (has_jobs == 0)
        pause();
      makes_room = is_idle() && gate_.is_wanted();
    } while (!makes_room && has_jobs == 0 && num_socket_handlers() > 0);
  });
  if (!ran)
    return false;
  if (ready_.empty() && expected_ < many_expected && num_socket_handlers() > 0)
    gate_.exit_for_a_moment(is_idle());
  else
    gate_.exit(false);
  return !makes_room;
}

bool event_loop::runs_any_here() noexcept {
  return running_loop != nullptr;
}

bool event_loop::runs_here() const noexcept {
  return running_loop == this;
}

/// Looks at the sockets, hands over, runs its own actors.
void event_loop::turn() {
  poll_once(ready_.empty() && !has_to_wake() && gate_.begin_sleep());
  gate_.take(ready_);
  if (has_to_wake())
    end_turn();
  run_ready();
  auto pauses = arrived_ > 0 && expected_ >= many_expected;
  if (has_to_wake() && (pauses || expected_ == 0))
    hand_over(); // What its own actors have just answered.
}

void event_loop::run_ready() {
  if (ready_.empty())
    return;
  size_t turns = 0;
  for (auto round = 0; round < max_ready_rounds && turns < max_ready_turns && !ready_.empty(); ++round) {
    running_.swap(ready_);
    turns += running_.size();
    for (auto& job : running_)
      if (job) // Empty if it has thrown, for lack of memory.
        run_one(std::move(job));
    running_.clear();
  }
  handle_internal_events();
}

/// As CAF's loop does it; but what wants to go on later does so here, where it is seen.
void event_loop::run_one(loop_gate::job job) {
  switch (job->resume(this, max_messages_)) {
  case caf::resumable::resume_later:
    ready_.push_back(std::move(job));
    break;
  case caf::resumable::shutdown_execution_unit:
    job.release(); // Counts no references.
    break;
  default:
    break;
  }
}

void event_loop::measure() {
  auto used = read_clock(CLOCK_THREAD_CPUTIME_ID);
  if (used > measured_)
    cpu_time_->inc(std::chrono::duration<double>{used - std::exchange(measured_, used)}.count());
}

void event_loop::exec_later(caf::resumable* job) {
  auto kind = job->subtype();
  auto is_own = kind == caf::resumable::io_actor || kind == caf::resumable::function_object;
  if (runs_here()) {
    if (is_own)
      ready_.emplace_back(job, false);
    else
      for_scheduler_.push_back(job);
  } else if (!is_own) {
    default_multiplexer::exec_later(job);
  } else {
    gate_.leave({job, false}, visitor::promise(*this));
  }
}

void event_loop::wake_later(caf::strong_actor_ptr owner, sleeping_thread& who) {
  if (runs_here())
    to_wake_.emplace_back(std::move(owner), &who);
  else
    who.wake();
}

void event_loop::end_turn() {
  auto more_arrived = count_to_wake() > known_;
  if (expected_ > 0 && expected_ < many_expected && more_arrived && count_to_wake() < max_batch) {
    known_ = count_to_wake();
    return; // The next turn decides, after a look at the sockets without waiting for them.
  }
  hand_over();
}

void event_loop::hand_over() {
  known_ = 0;
  auto& scheduler = system().scheduler();
  if (for_scheduler_.size() == 1)
    scheduler.enqueue(for_scheduler_.front());
  else if (!for_scheduler_.empty())
    scheduler.enqueue(new batch{for_scheduler_});
  for_scheduler_.clear();
  for (auto& [owner, who] : to_wake_)
    who->wake();
  to_wake_.clear();
}

/// Sleeps while very many answers are expected, some of which have just arrived. Polling again at once would mean one
/// wake-up per answer: with a busy server, that costs both sides more than the answer itself.
void event_loop::pause() {
  auto arrived = std::exchange(arrived_, 0);
  if (arrived == 0 || expected_ < many_expected || !ready_.empty())
    return;
  auto target = share_of_pause * static_cast<double>(expected_ + arrived);
  auto change = std::clamp(target / static_cast<double>(arrived), 0.5, 1.25);
  auto next = std::chrono::duration<double, std::nano>{std::max(pause_, min_pause)} * change;
  pause_ = std::min(max_pause, std::chrono::duration_cast<std::chrono::nanoseconds>(next));
  std::this_thread::sleep_for(pause_);
}

} // namespace cenote
