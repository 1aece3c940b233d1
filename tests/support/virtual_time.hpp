#pragma once

#include "cenote/actors.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <caf/test/dsl.hpp>

namespace cenote::test {

/// The outcome of a request, as its sender sees it.
template <class T>
struct reply {
  std::optional<T> value;
  std::optional<failure> error;
  caf::actor_clock::time_point at; ///< When it came.
  caf::actor sender;

  bool arrived() const { return value || error; }
  bool succeeded() const { return value.has_value(); }
};

template <class T>
using reply_ptr = std::shared_ptr<reply<T>>;

/// An actor system on one thread, whose clock only the test advances. All actors of a test end with this object.
class virtual_time : public test_coordinator_fixture<> {
public:
  virtual_time();
  ~virtual_time() override;

  caf::actor_clock::time_point now() { return sched.clock().now(); }

  /// Lets all actors do their work of this moment.
  void settle() { consume_messages(); }

  /// Lets time pass from event to event, so that a chain of timers runs as it would on a real clock.
  void pass(caf::timespan span);

  /// Sends a request from an actor of its own and lets it take effect.
  template <class T, class Handle, class... Ts>
  reply_ptr<T> ask(const Handle& target, Ts... args) {
    auto result = std::make_shared<reply<T>>();
    result->sender = sys.spawn([this, result, target, ... args = std::move(args)](caf::event_based_actor* caller) {
      caller->request(target, caf::infinite, args...)
          .then(
              [this, result](const T& received) {
                result->value = received;
                result->at = now();
              },
              [this, result](const caf::error& error) {
                result->error = details(error);
                result->at = now();
              });
    });
    own(result->sender);
    settle();
    return result;
  }

  /// Sends a request whose answer is empty.
  template <class Handle, class... Ts>
  void tell(const Handle& target, Ts... args) {
    caf::anon_send(target, std::move(args)...);
    settle();
  }

  /// Ends an actor without asking it.
  void kill(const caf::actor& actor);

  /// Ends `actor` with this object.
  template <class Handle>
  const Handle& own(const Handle& actor) {
    owned_.push_back(caf::actor_cast<caf::actor>(actor));
    return actor;
  }

private:
  std::vector<caf::actor> owned_;
};

/// Whether an actor has ended.
template <class Handle>
bool has_ended(const Handle& actor) {
  return caf::actor_cast<caf::abstract_actor*>(actor)->getf(caf::abstract_actor::is_terminated_flag);
}

/// A result of one cell.
result one_cell(const std::string& text);

/// A failure as a connection or a pool would report it.
failure make_failure(errc code, outcome effect, const std::string& text = "no luck");

} // namespace cenote::test
