#include "client/blocking_caller.hpp"

#include "runtime/io_thread.hpp"

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

namespace cenote {

/// Takes the answer to one request after the other, and nothing else. No thread runs it, and the actor system does not
/// wait for it: a thread that waits is no reason for a system to live on.
class calling_actor : public caf::monitorable_actor, public sleeping_thread {
public:
  explicit calling_actor(caf::actor_config& cfg) : monitorable_actor{cfg} {
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
      if (auto loop = dynamic_cast<event_loop*>(host))
        loop->wake_later(caf::strong_actor_ptr{ctrl()}, *this);
      else
        wake();
    } else if (what->mid.is_request()) {
      bounce(what, caf::make_error(caf::sec::unexpected_message));
    }
    return !getf(is_terminated_flag);
  }

  void wake() noexcept override {
    // From now on the waiting thread may go, but the caller of this function still holds this actor.
    arrived_.store(1); // No weaker order: `notify_one` looks for waiting threads next, and must not do so before.
    arrived_.notify_one();
  }

  /// Begins a request; call `wait` afterwards.
  /// @returns its id.
  caf::message_id begin() {
    ++last_;
    arrived_.store(0, std::memory_order_relaxed);
    awaited_.store(last_.response_id().integer_value());
    return last_;
  }

  caf::message wait() {
    arrived_.wait(0, std::memory_order_acquire);
    return std::move(answer_);
  }

private:
  /// No id of a response.
  static constexpr uint64_t nothing = 0;

  caf::message_id last_;
  std::atomic<uint64_t> awaited_{nothing};
  caf::message answer_;
  std::atomic<int> arrived_{0};
};

namespace {

calling_actor& actor_of(const caf::strong_actor_ptr& self) {
  return static_cast<calling_actor&>(*self->get());
}

} // namespace

blocking_caller::blocking_caller(caf::actor_system& sys) {
  caf::actor_config cfg;
  self_ = caf::make_actor<calling_actor, caf::strong_actor_ptr>(sys.next_actor_id(), sys.node(), &sys, cfg);
}

blocking_caller::~blocking_caller() {
  actor_of(self_).cleanup(caf::exit_reason::normal, nullptr);
}

caf::message blocking_caller::exchange(const pool_actor& pool, caf::message request) {
  auto& self = actor_of(self_);
  auto receiver = caf::actor_cast<caf::abstract_actor*>(pool);
  receiver->enqueue(caf::make_mailbox_element(self_, self.begin(), {}, std::move(request)), nullptr);
  return self.wait();
}

failure blocking_caller::problem_of(const caf::message& answer) {
  return details(answer.match_elements<caf::error>() ? answer.get_as<caf::error>(0)
                                                     : caf::make_error(caf::sec::unexpected_response));
}

} // namespace cenote
