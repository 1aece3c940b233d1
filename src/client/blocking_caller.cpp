#include "client/blocking_caller.hpp"

#include "runtime/resident.hpp"

#include <caf/actor_cast.hpp>
#include <caf/actor_config.hpp>
#include <caf/actor_system.hpp>
#include <caf/exit_reason.hpp>
#include <caf/mailbox_element.hpp>
#include <caf/make_actor.hpp>
#include <caf/message_id.hpp>
#include <caf/monitorable_actor.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

#include <semaphore.h>

namespace cenote {

namespace {

/// A thread that waits for one answer after the other.
class waiting_thread final : public sleeping_thread {
public:
  waiting_thread() { sem_init(&wakes_, 0, 0); }
  waiting_thread(const waiting_thread&) = delete;
  waiting_thread& operator=(const waiting_thread&) = delete;
  ~waiting_thread() { sem_destroy(&wakes_); }

  /// Must be called before each request.
  void begin() noexcept { is_answered_.store(0, std::memory_order_relaxed); }

  void wake() noexcept override {
    is_answered_ = 1;
    sem_post(&wakes_);
  }

  void wait() noexcept {
    while (sem_wait(&wakes_) != 0)
      ; // A signal came.
  }

  /// For the event loop that the thread runs.
  const std::atomic<int>& is_answered() const noexcept { return is_answered_; }

private:
  std::atomic<int> is_answered_ = 0;
  sem_t wakes_; ///< No `std::atomic::wait`: that first yields the processor again and again.
};

} // namespace

/// Takes the answer to one request after the other, and nothing else. No thread runs it, and the actor system does not
/// wait for it: a thread that waits is no reason for a system to live on.
class calling_actor : public caf::monitorable_actor {
public:
  /// @param home the pool's event loop; null if it has none in this process.
  calling_actor(caf::actor_config& cfg, std::shared_ptr<event_loop> home)
      : monitorable_actor{cfg}, home_{std::move(home)} {
    // nop
  }

  /// As CAF asks of a class of actors; this one is not measured.
  void setup_metrics() {
    // nop
  }

  const char* name() const override { return "cenote.blocking_caller"; }

  using abstract_actor::enqueue;

  /// Takes the answer that is awaited. An answer may come twice, from an actor that has answered and then ended: the
  /// first counts. Runs on any thread.
  bool enqueue(caf::mailbox_element_ptr what, caf::execution_unit* host) override {
    auto id = what->mid.integer_value();
    if (what->mid.is_response() && awaited_.compare_exchange_strong(id, nothing)) {
      answer_ = std::move(what->payload);
      if (runs_home_) {
        caf::strong_actor_ptr guard{ctrl()}; // From the next line on the waiting thread may go.
        thread_.wake();
        if (host != home_.get())
          home_->interrupt();
      } else if (auto loop = dynamic_cast<event_loop*>(host)) {
        loop->wake_later(caf::strong_actor_ptr{ctrl()}, thread_);
      } else {
        caf::strong_actor_ptr guard{ctrl()};
        thread_.wake();
      }
    } else if (what->mid.is_request()) {
      bounce(what, caf::make_error(caf::sec::unexpected_message));
    }
    return !getf(is_terminated_flag);
  }

  /// Sends a request, and waits for the answer.
  caf::message exchange(caf::abstract_actor& receiver, caf::message request) {
    ++last_;
    thread_.begin();
    awaited_.store(last_.response_id().integer_value());
    auto send = [&](caf::execution_unit* host) {
      receiver.enqueue(caf::make_mailbox_element(caf::strong_actor_ptr{ctrl()}, last_, {}, std::move(request)), host);
    };
    runs_home_ = home_ != nullptr;
    if (!home_ || !home_->run_until_answered([&] { send(home_.get()); }, thread_.is_answered())) {
      runs_home_ = false;
      send(nullptr);
    }
    thread_.wait();
    return std::move(answer_);
  }

private:
  /// No id of a response.
  static constexpr uint64_t nothing = 0;

  std::shared_ptr<event_loop> home_;    ///< Never changes.
  std::atomic<bool> runs_home_ = false; ///< Whether the waiting thread runs that loop.
  caf::message_id last_;
  std::atomic<uint64_t> awaited_{nothing};
  caf::message answer_;
  waiting_thread thread_;
};

namespace {

calling_actor& actor_of(const caf::strong_actor_ptr& self) {
  return static_cast<calling_actor&>(*self->get());
}

} // namespace

blocking_caller::blocking_caller(pool_actor pool) : pool_{std::move(pool)} {
  auto& sys = pool_.home_system();
  auto thread = io_thread_of(sys, caf::actor_cast<caf::strong_actor_ptr>(pool_));
  caf::actor_config cfg;
  self_ = caf::make_actor<calling_actor, caf::strong_actor_ptr>(sys.next_actor_id(), sys.node(), &sys, cfg,
                                                                thread ? thread->share_loop() : nullptr);
}

blocking_caller::~blocking_caller() {
  actor_of(self_).cleanup(caf::exit_reason::normal, nullptr);
}

caf::message blocking_caller::exchange(caf::message request) {
  return actor_of(self_).exchange(*caf::actor_cast<caf::abstract_actor*>(pool_), std::move(request));
}

failure blocking_caller::problem_of(const caf::message& answer) {
  return details(answer.match_elements<caf::error>() ? answer.get_as<caf::error>(0)
                                                     : caf::make_error(caf::sec::unexpected_response));
}

} // namespace cenote
