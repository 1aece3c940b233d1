#pragma once

#include <caf/actor_cast.hpp>
#include <caf/actor_control_block.hpp>
#include <caf/fwd.hpp>
#include <caf/message.hpp>
#include <caf/message_id.hpp>
#include <caf/response_type.hpp>

#include <type_traits>
#include <utility>
#include <vector>

namespace cenote {

/// The answer that an actor owes for a request. What `caf::response_promise` is, but without memory of its own, as
/// every statement needs two; so it can be moved only. If it goes unanswered, the client is told so by CAF's
/// `broken_promise`.
class pending_reply {
public:
  /// Nothing is owed.
  pending_reply() = default;

  /// Takes over the answer to the request that this actor handles, and its sender.
  explicit pending_reply(caf::local_actor& self);

  pending_reply(pending_reply&&) noexcept = default;
  pending_reply& operator=(pending_reply other) noexcept;
  ~pending_reply() {
    if (self_)
      break_promise();
  }

  /// Answers.
  template <class... Ts>
  void deliver(Ts&&... xs) {
    if (self_)
      answer(caf::make_message(std::forward<Ts>(xs)...));
  }

  /// Has another actor answer.
  template <class Handle, class... Ts>
  void delegate(const Handle& to, Ts&&... xs) {
    static_assert(
        caf::response_type_unbox<typename Handle::signatures, caf::detail::type_list<std::decay_t<Ts>...>>::valid,
        "it does not accept this message");
    if (self_)
      forward(caf::actor_cast<caf::abstract_actor*>(to), caf::make_message(std::forward<Ts>(xs)...));
  }

private:
  void break_promise();
  void answer(caf::message content);
  void forward(caf::abstract_actor* to, caf::message content);
  caf::local_actor& take_self() noexcept;

  caf::weak_actor_ptr self_; ///< Null: nothing is owed.
  caf::strong_actor_ptr source_;
  std::vector<caf::strong_actor_ptr> stages_; ///< Of a composed actor: it goes through these first.
  caf::message_id id_;
};

} // namespace cenote
