#include "runtime/io_thread.hpp"

#include <caf/actor_system.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/execution_unit.hpp>
#include <caf/ref_counted.hpp>
#include <caf/resumable.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>

#include <algorithm>
#include <ctime>
#include <future>
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

} // namespace

event_loop::event_loop(caf::actor_system* sys, caf::telemetry::dbl_counter* cpu_time)
    : default_multiplexer{sys}, cpu_time_{cpu_time} {
  // nop
}

event_loop::~event_loop() {
  hand_over();
}

/// A turn: looks at the sockets, hands over, runs its own actors. The CPU time is read by the coarse clock, which is
/// exact to some milliseconds and costs 5 ns; a loop that sleeps uses no CPU time.
void event_loop::run() {
  while (num_socket_handlers() > 0) {
    poll_once(ready_.empty() && !has_to_wake());
    if (has_to_wake())
      end_turn();
    run_ready();
    auto arrived = std::exchange(arrived_, 0);
    auto pauses = arrived > 0 && expected_ >= many_expected;
    if (has_to_wake() && (pauses || expected_ == 0))
      hand_over(); // What its own actors have just answered.
    if (pauses && ready_.empty())
      pause(arrived);
    if (auto now = read_clock(CLOCK_MONOTONIC_COARSE); now >= next_measurement_) {
      next_measurement_ = now + measuring_interval;
      measure();
    }
  }
  measure();
}

void event_loop::run_ready() {
  if (ready_.empty())
    return;
  size_t turns = 0;
  for (auto round = 0; round < max_ready_rounds && turns < max_ready_turns && !ready_.empty(); ++round) {
    running_.swap(ready_);
    turns += running_.size();
    for (auto& job : running_)
      resume(std::move(job));
    running_.clear();
  }
  handle_internal_events();
}

void event_loop::measure() {
  auto used = read_clock(CLOCK_THREAD_CPUTIME_ID);
  if (used > measured_)
    cpu_time_->inc(std::chrono::duration<double>{used - std::exchange(measured_, used)}.count());
}

void event_loop::exec_later(caf::resumable* job) {
  auto kind = job->subtype();
  if (std::this_thread::get_id() != thread_id())
    default_multiplexer::exec_later(job);
  else if (kind == caf::resumable::io_actor || kind == caf::resumable::function_object)
    ready_.emplace_back(job, false);
  else
    for_scheduler_.push_back(job);
}

void event_loop::wake_later(caf::strong_actor_ptr owner, sleeping_thread& who) {
  if (std::this_thread::get_id() == thread_id())
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

/// Polling again at once would mean one wake-up per answer: with a busy server, that costs both sides more than the
/// answer itself.
/// @param arrived the number of answers of this turn.
void event_loop::pause(size_t arrived) {
  auto target = share_of_pause * static_cast<double>(expected_ + arrived);
  auto change = std::clamp(target / static_cast<double>(arrived), 0.5, 1.25);
  auto next = std::chrono::duration<double, std::nano>{std::max(pause_, min_pause)} * change;
  pause_ = std::min(max_pause, std::chrono::duration_cast<std::chrono::nanoseconds>(next));
  std::this_thread::sleep_for(pause_);
}

std::shared_ptr<io_thread> io_thread::start(caf::actor_system& sys, caf::telemetry::dbl_counter* cpu_time) {
  auto loop = std::make_shared<event_loop>(&sys, cpu_time);
  auto supervisor = loop->make_supervisor();
  auto ready = std::make_shared<std::promise<void>>();
  auto is_ready = ready->get_future();
  // A detached actor instead of a bare thread: the actor system joins it at shutdown. It holds no state, so nothing of
  // the loop outlives the loop's own thread.
  sys.spawn<caf::detached>([loop, ready](caf::event_based_actor*) mutable {
    loop->thread_id(std::this_thread::get_id());
    std::exchange(ready, nullptr)->set_value();
    loop->run();
    loop.reset();
  });
  is_ready.wait();
  return std::make_shared<io_thread>(std::move(loop), std::move(supervisor));
}

io_thread::io_thread(std::shared_ptr<event_loop> loop,
                     caf::io::network::multiplexer::supervisor_ptr supervisor) noexcept
    : loop_{std::move(loop)}, supervisor_{std::move(supervisor)} {
  // nop
}

io_thread::~io_thread() {
  // Releasing the supervisor closes the loop's pipe, on the loop's own thread; the loop itself must outlive that.
  supervisor_.reset();
}

} // namespace cenote
