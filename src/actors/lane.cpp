#include "actors/lane.hpp"

#include <caf/actor_system.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/execution_unit.hpp>
#include <caf/io/network/event_handler.hpp>
#include <caf/ref_counted.hpp>
#include <caf/resumable.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>

#include <chrono>
#include <future>
#include <thread>
#include <utility>

#include <sys/timerfd.h>
#include <unistd.h>

namespace cenote {

namespace {

/// The most actors that wait for others to be handed over with them.
constexpr size_t largest_batch = 16;

/// How long a thread runs the actors of a batch before it leaves the rest of them to any thread.
constexpr auto longest_batch = std::chrono::microseconds{100};

/// How long actors of the loop wait for a batch at most: one of its actors may take very long.
constexpr auto longest_hold = std::chrono::microseconds{300};

/// The loop whose batch this thread runs.
thread_local event_loop* batch_of = nullptr;

} // namespace

/// Lets the loop's actors go when a batch takes too long.
class event_loop::alarm : public caf::io::network::event_handler {
public:
  explicit alarm(event_loop& loop)
      : event_handler{loop, timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)}, loop_{loop} {
    // nop
  }

  bool valid() const noexcept { return fd() != caf::io::network::invalid_native_socket; }

  void set() {
    itimerspec when{};
    when.it_value.tv_nsec = std::chrono::nanoseconds{longest_hold}.count();
    timerfd_settime(fd(), 0, &when, nullptr);
  }

private:
  void handle_event(caf::io::network::operation) override {
    uint64_t times = 0;
    if (read(fd(), &times, sizeof times) > 0)
      loop_.let_go();
  }

  void removed_from_loop(caf::io::network::operation) override {
    // nop
  }

  void graceful_shutdown() override {
    // nop
  }

  event_loop& loop_;
};

/// Several actors as one job of the scheduler: the thread that gets it runs them one after the other, so that threads
/// neither wake each other nor compete for them.
class event_loop::batch : public caf::resumable, public caf::ref_counted {
public:
  batch(std::shared_ptr<event_loop> loop, std::vector<caf::resumable*> actors)
      : loop_{std::move(loop)}, actors_{std::move(actors)} {
    // nop
  }

  /// A scheduler that stops drops its jobs.
  ~batch() override {
    for (auto x : actors_)
      intrusive_ptr_release(x);
  }

  resume_result resume(caf::execution_unit* thread, size_t max_throughput) override {
    auto end = std::chrono::steady_clock::now() + longest_batch;
    batch_of = loop_->alarm_ ? loop_.get() : nullptr;
    for (auto x : std::exchange(actors_, {})) {
      if (std::chrono::steady_clock::now() > end || x->resume(thread, max_throughput) == resume_later)
        thread->exec_later(x);
      else
        intrusive_ptr_release(x);
    }
    batch_of = nullptr;
    loop_->let_go();
    return done;
  }

  void intrusive_ptr_add_ref_impl() override { ref(); }
  void intrusive_ptr_release_impl() override { deref(); }

private:
  std::shared_ptr<event_loop> loop_;
  std::vector<caf::resumable*> actors_;
};

event_loop::event_loop(caf::actor_system* sys) : default_multiplexer{sys} {
  // nop
}

event_loop::~event_loop() {
  for (auto x : for_scheduler_)
    system().scheduler().enqueue(x);
}

void event_loop::start() {
  thread_id(std::this_thread::get_id());
  if (auto x = std::make_unique<alarm>(*this); x->valid()) {
    alarm_ = std::move(x);
    add(caf::io::network::operation::read, alarm_->fd(), alarm_.get());
  }
}

void event_loop::stop() {
  hand_over();
  if (alarm_ != nullptr)
    del(caf::io::network::operation::read, alarm_->fd(), alarm_.get());
}

void event_loop::exec_later(caf::resumable* what) {
  auto kind = what->subtype();
  auto own = kind == caf::resumable::io_actor || kind == caf::resumable::function_object;
  if (std::this_thread::get_id() != thread_id()) {
    if (kind == caf::resumable::io_actor && batch_of == this)
      hold_back(what);
    else
      default_multiplexer::exec_later(what);
  } else if (own) {
    default_multiplexer::exec_later(what);
  } else {
    if (for_scheduler_.empty())
      post([this] { end_turn(); });
    for_scheduler_.push_back(what);
  }
}

void event_loop::end_turn() {
  auto brought_some = for_scheduler_.size() > known_;
  if (expected_ > 0 && brought_some && for_scheduler_.size() < largest_batch) {
    known_ = for_scheduler_.size();
    post([this] { end_turn(); }); // After another look at the sockets, without waiting for them.
    return;
  }
  hand_over();
}

void event_loop::hand_over() {
  known_ = 0;
  auto& scheduler = system().scheduler();
  if (for_scheduler_.size() == 1)
    scheduler.enqueue(for_scheduler_.front());
  else if (!for_scheduler_.empty())
    scheduler.enqueue(new batch{shared_from_this(), for_scheduler_});
  for_scheduler_.clear();
}

void event_loop::hold_back(caf::resumable* what) {
  std::lock_guard guard{lock_};
  if (held_back_.empty())
    alarm_->set();
  held_back_.push_back(what);
}

/// Runs what was held back; from any thread.
void event_loop::let_go() {
  std::vector<caf::resumable*> actors;
  {
    std::lock_guard guard{lock_};
    actors.swap(held_back_);
  }
  for (auto x : actors)
    default_multiplexer::exec_later(x);
}

std::shared_ptr<lane> lane::start(caf::actor_system& sys) {
  auto loop = std::make_shared<event_loop>(&sys);
  auto keep = loop->make_supervisor();
  auto ready = std::make_shared<std::promise<void>>();
  auto is_ready = ready->get_future();
  // A detached actor instead of a bare thread: the actor system joins it at shutdown. It holds no state, so nothing of
  // the loop outlives the loop's own thread.
  sys.spawn<caf::detached>([loop, ready](caf::event_based_actor*) mutable {
    loop->start();
    std::exchange(ready, nullptr)->set_value();
    loop->run();
    loop.reset();
  });
  is_ready.wait();
  return std::make_shared<lane>(std::move(loop), std::move(keep));
}

lane::lane(std::shared_ptr<event_loop> loop, caf::io::network::multiplexer::supervisor_ptr keep) noexcept
    : loop_{std::move(loop)}, keep_{std::move(keep)} {
  // nop
}

lane::~lane() {
  // Releasing the supervisor closes the loop's pipe, on the loop's own thread; the loop itself must outlive that.
  loop_->post([x = loop_.get()] { x->stop(); });
  keep_.reset();
}

} // namespace cenote
