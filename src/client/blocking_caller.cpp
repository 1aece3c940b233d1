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

/// Takes the answer to one request after the other, and nothing else. No thread runs it, and the actor system does not
/// wait for it: a thread that waits is no reason for a system to live on.
class calling_actor : public caf::monitorable_actor, public sleeping_thread {
public:
  /// @param home the pool's event loop; null if it has none in this process.
  calling_actor(caf::actor_config& cfg, std::shared_ptr<event_loop> home)
      : monitorable_actor{cfg}, home_{std::move(home)} {
    sem_init(&wakes_, 0, 0);
  }

  ~calling_actor() override { sem_destroy(&wakes_); }

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
        caf::strong_actor_ptr guard{ctrl()};
        wake();
        if (host != home_.get())
          home_->interrupt();
      } else if (auto loop = dynamic_cast<event_loop*>(host)) {
        loop->wake_later(caf::strong_actor_ptr{ctrl()}, *this);
      } else {
        wake();
      }
    } else if (what->mid.is_request()) {
      bounce(what, caf::make_error(caf::sec::unexpected_message));
    }
    return !getf(is_terminated_flag);
  }

  void wake() noexcept override {
    // From now on the waiting thread may go, but the caller of this function still holds this actor.
    arrived_ = 1;
    sem_post(&wakes_);
  }

  /// Sends a request, and waits for the answer.
  caf::message exchange(caf::abstract_actor& receiver, caf::message request) {
    ++last_;
    arrived_.store(0, std::memory_order_relaxed);
    awaited_.store(last_.response_id().integer_value());
    auto send = [&](caf::execution_unit* host) {
      receiver.enqueue(caf::make_mailbox_element(caf::strong_actor_ptr{ctrl()}, last_, {}, std::move(request)), host);
    };
    runs_home_ = home_ != nullptr;
    if (!home_ || !home_->run_until_answered([&] { send(home_.get()); }, arrived_)) {
      runs_home_ = false;
      send(nullptr);
    }
    while (sem_wait(&wakes_) != 0)
      ; // A signal came.
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
  std::atomic<int> arrived_{0}; ///< For the event loop that this thread runs.
  sem_t wakes_;                 ///< No `std::atomic::wait`: that first yields the processor again and again.
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
