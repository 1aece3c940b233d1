#pragma once

#include "cenote/actors.hpp"
#include "cenote/error.hpp"

#include <caf/detail/implicit_conversions.hpp>
#include <caf/fwd.hpp>
#include <caf/message.hpp>
#include <caf/response_type.hpp>
#include <caf/sec.hpp>

#include <optional>
#include <type_traits>
#include <utility>

#include <tl/expected.hpp>

namespace cenote {

class calling_actor;

/// A thread's part in a conversation with a pool: asks, and waits for the answer. For the pool it is an actor, which
/// may hold sessions, and ends with this object. Nothing lies between the two, neither a mailbox nor the scheduler: the
/// thread that answers wakes the one that waits; or, while the pool's I/O thread has nothing to do, the thread that
/// waits does its work and so gets the answer by itself. One thread at a time.
class blocking_caller {
public:
  explicit blocking_caller(pool_actor pool);
  blocking_caller(const blocking_caller&) = delete;
  blocking_caller& operator=(const blocking_caller&) = delete;
  ~blocking_caller();

  /// Sends a request and waits. Without a time limit: a pool answers every request within its own.
  template <class T, class... Ts>
  tl::expected<T, failure> ask(Ts&&... request) {
    using given = caf::detail::type_list<caf::detail::implicit_conversions_t<std::decay_t<Ts>>...>;
    static_assert(caf::response_type_unbox<pool_actor::signatures, given>::valid, "a pool takes no such request");
    caf::message answer = exchange(caf::make_message(std::forward<Ts>(request)...));
    if constexpr (std::is_void_v<T>) {
      if (answer.empty())
        return {};
    } else {
      if (answer.match_elements<T>())
        return std::move(answer.get_mutable_as<T>(0));
    }
    return tl::unexpected{problem_of(answer)};
  }

private:
  caf::message exchange(caf::message request);
  static failure problem_of(const caf::message& answer);

  pool_actor pool_;
  caf::intrusive_ptr<caf::actor_control_block> self_;
};

} // namespace cenote
