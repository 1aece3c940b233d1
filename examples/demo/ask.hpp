#pragma once

#include "cenote/error.hpp"
#include "cenote/pool.hpp"

#include <stdexcept>
#include <utility>

#include <caf/scoped_actor.hpp>

namespace demo {

/// Sends a request and waits for the answer: for code that is no actor.
/// @throws std::runtime_error if the answer is an error.
template <class Answer, class Handle, class... Ts>
Answer ask(caf::actor_system& sys, const Handle& whom, Ts&&... request) {
  caf::scoped_actor self{sys};
  Answer out{};
  // No timeout of CAF's: whoever is asked here always answers.
  self->request(whom, caf::infinite, std::forward<Ts>(request)...)
      .receive([&out](Answer& x) { out = std::move(x); },
               [](caf::error& err) { throw std::runtime_error{cenote::describe(err)}; });
  return out;
}

} // namespace demo
