#pragma once

#include "cenote/error.hpp"
#include "cenote/pool.hpp"

#include <stdexcept>
#include <utility>

#include <caf/scoped_actor.hpp>

namespace demo {

/// Sends a request and waits for the answer: for non-actor code.
/// @throws std::runtime_error if the answer is an error.
template <class Answer, class Handle, class... Ts>
Answer ask(caf::actor_system& sys, const Handle& target, Ts&&... request) {
  caf::scoped_actor self{sys};
  Answer out{};
  // No timeout of CAF's: the actors asked here always answer.
  self->request(target, caf::infinite, std::forward<Ts>(request)...)
      .receive([&out](Answer& answer) { out = std::move(answer); },
               [](caf::error& err) { throw std::runtime_error{cenote::describe(err)}; });
  return out;
}

} // namespace demo
